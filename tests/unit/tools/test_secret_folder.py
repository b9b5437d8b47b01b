"""Folders for what is secret for a moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import PreflightError
from appliance.tools.secret_folder import bases, secret_folder, sweep, write_secret
from appliance.values import Secret


def test_nobody_else_can_read_it_and_it_is_gone_afterwards(tmp_path: Path) -> None:
    """0700 around 0600."""
    with secret_folder(tmp_path, ()) as folder:
        path = write_secret(folder / "key", Secret("sesame"))
        assert path.read_text() == "sesame"
        assert (folder.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o700, 0o600)
        assert folder.parent == tmp_path / "secrets"
        assert folder.parent.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()


def test_it_is_in_memory_where_there_is_such_a_place(tmp_path: Path) -> None:
    """What is written there reaches no disk."""
    with secret_folder(tmp_path) as folder:
        assert folder.parent in bases()
        kind = subprocess.run(
            ["stat", "-f", "-c", "%T", folder], capture_output=True, text=True, check=True
        )
        assert kind.stdout.strip() == "tmpfs"


def test_a_place_that_is_on_disk_is_passed_over(tmp_path: Path) -> None:
    """It would be as good as the state, and less tidy."""
    state, place = tmp_path / "state", tmp_path / "place"
    with secret_folder(state, (place,)) as folder:
        assert folder.parent == state / "secrets"
    assert not place.exists()


def test_what_a_kill_left_is_swept_by_the_next(tmp_path: Path) -> None:
    """The lock died with its owner; a living owner's folder stays."""
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from appliance.tools.secret_folder import *\n"
        "from appliance.values import Secret\n"
        f"with secret_folder(Path({str(tmp_path)!r}), ()) as folder:\n"
        "    write_secret(folder / 'key', Secret('sesame'))\n"
        "    print(folder, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        left = Path(owner.stdout.readline().strip())
        with secret_folder(tmp_path, ()):
            assert (left / "key").exists()
        os.kill(owner.pid, signal.SIGKILL)
    assert (left / "key").exists()
    with secret_folder(tmp_path, ()) as folder:
        assert list((tmp_path / "secrets").iterdir()) == [folder]


def test_a_secret_is_written_to_a_new_file_only(tmp_path: Path) -> None:
    """Nobody can have put a link or an open file in its place."""
    (tmp_path / "key").symlink_to(tmp_path / "other")
    with pytest.raises(FileExistsError):
        write_secret(tmp_path / "key", Secret("sesame"))


def test_nowhere_to_write(tmp_path: Path) -> None:
    """Said in words."""
    (tmp_path / "file").write_text("")
    with pytest.raises(PreflightError, match="no place"), secret_folder(tmp_path / "file", ()):
        pass


def test_sweeping_nothing(tmp_path: Path) -> None:
    """A place that is not there holds nothing."""
    assert sweep(tmp_path / "missing") == 0
