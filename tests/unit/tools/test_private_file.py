"""Private files: nobody else's to read, whole or not there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from appliance.errors import PreflightError
from appliance.tools.private_file import write_private


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    """Whatever the umask, and whatever the file was before."""
    path = tmp_path / "folder" / "key"
    before = os.umask(0)
    try:
        write_private(path, b"one")
        path.chmod(0o644)
        write_private(path, b"two")
    finally:
        os.umask(before)

    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["key"]


def test_a_link_is_replaced_not_followed(tmp_path: Path) -> None:
    """What it pointed to stays as it was."""
    victim = tmp_path / "victim"
    victim.write_bytes(b"untouched")
    link = tmp_path / "key"
    link.symlink_to(victim)

    write_private(link, b"secret")

    assert victim.read_bytes() == b"untouched"
    assert not link.is_symlink()


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    """A folder where the file should be."""
    path = tmp_path / "key"
    path.mkdir()

    with pytest.raises(PreflightError) as refused:
        write_private(path, b"secret")

    assert refused.value.where == str(path)
    assert list(tmp_path.iterdir()) == [path]
