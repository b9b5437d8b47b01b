"""Media as the kernel tells of them, and those that do not answer."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from appliance.errors import InputError
from appliance.web import sticks
from appliance.web.sticks import Media, Stick, refuse_no_folder

_MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
/dev/sdb1 /media/ann/BOOT\\040STICK vfat rw 0 0
/dev/sdd1 /media/odd\\134040\\011name vfat rw 0 0
/dev/sdc1 /mnt/no-such-place-here ext4 rw 0 0
tmpfs /run/user/1000 tmpfs rw 0 0
none /mnt/shared/folder 9p rw 0 0
odd
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """What the kernel tells."""
    path = tmp_path / "mounts"
    path.write_text(_MOUNTS)
    return path


def test_what_is_mounted_where_media_are_is_a_stick(mounts: Path) -> None:
    """By its path, as it is typed."""
    assert Media(mounts).sticks() == (
        Stick("/media/ann/BOOT STICK", None),
        Stick("/media/odd\\040\tname", None),
        Stick("/mnt/no-such-place-here", None),
    )
    assert Stick("/media/usb", 58_000_000_000).text == "/media/usb (58.0 GB)"
    assert Stick("/media/usb", None).text == "/media/usb"


def test_a_kernel_that_tells_nothing_has_no_sticks(tmp_path: Path) -> None:
    """Never an error."""
    assert Media(tmp_path / "nosuch").sticks() == ()
    assert isinstance(Media().sticks(), tuple)


def test_a_stick_that_does_not_answer_keeps_nobody_waiting(mounts: Path) -> None:
    """The others are shown; it is asked by one thread, and shown once that has its answer."""
    gate, asked = threading.Event(), []

    def ask(path: str) -> int:
        asked.append(path)
        if "STICK" in path:
            gate.wait(60)
        return 1000

    media = Media(mounts, ask=ask, patience=0.5)
    dying = "/media/ann/BOOT STICK"
    for _ in range(3):
        first, *others = media.sticks()
        assert first.text == f"{dying} (does not answer)"
        assert [each.octets for each in others] == [1000, 1000]
    assert asked.count(dying) == 1
    held = media._asked[dying]
    gate.set()
    held.result(60)
    assert media.sticks()[0] == Stick(dying, 1000)
    assert asked.count(dying) == 1
    mounts.write_text("")
    assert media.sticks() == ()


def test_a_folder_is_whole_there_and_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each refusal says which it is."""
    refuse_no_folder(str(tmp_path))
    for wrong in ("media/usb", str(tmp_path / "none"), ""):
        with pytest.raises(InputError, match="is no folder of this laptop"):
            refuse_no_folder(wrong)
    gate = threading.Event()
    monkeypatch.setattr(sticks, "PATIENCE", 0.1)
    with pytest.raises(InputError, match="/media/usb does not answer") as raised:
        refuse_no_folder("/media/usb", lambda _folder: gate.wait(60))
    assert "put it in again" in raised.value.fix
    gate.set()
