"""A file is there whole, or as it was before; and nothing else is."""

from __future__ import annotations

import os
import stat
from io import BufferedWriter
from pathlib import Path

import pytest

from appliance.errors import InputError
from appliance.tools.whole_file import asked_for, whole


def test_it_takes_the_place_of_the_old_one_at_the_end(tmp_path: Path) -> None:
    """Until then the old one is read."""
    path = tmp_path / "page"
    path.write_bytes(b"old")
    with whole(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("mode", "found"), [(0o600, 0o600), (0o666, 0o640)])
def test_its_mode_is_what_was_said_less_the_umask(tmp_path: Path, mode: int, found: int) -> None:
    """Private, unless more was said."""
    before = os.umask(0o027)
    try:
        with whole(tmp_path / "page", mode):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "page").stat().st_mode) == found


def test_what_breaks_off_leaves_no_draft(tmp_path: Path) -> None:
    """Nor anything in its place."""

    def break_off(file: BufferedWriter) -> None:
        file.write(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), whole(tmp_path / "page") as file:
        break_off(file)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [".", "folder", "none/page", "pipe"])
def test_a_place_that_takes_no_file_is_refused(tmp_path: Path, place: str) -> None:
    """With what to do; no folder is made, no draft is left, no device or pipe is replaced."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    before = sorted(tmp_path.rglob("*"))
    with (
        pytest.raises(InputError, match="cannot be written") as refused,
        asked_for(tmp_path / place) as file,
    ):
        file.write(b"page")
    assert refused.value.why
    assert "a folder that is there" in refused.value.fix
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "pipe").is_fifo()


def test_root_and_dot_are_folders() -> None:
    """They have no name to make a draft of."""
    for place in (Path("/"), Path()):
        with pytest.raises(InputError, match="cannot be written"), asked_for(place):
            pass
