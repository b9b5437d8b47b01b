"""Media as the kernel tells of them."""

from __future__ import annotations

from pathlib import Path

from appliance.web.sticks import Stick, sticks

_MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
/dev/sdb1 /media/ann/BOOT\\040STICK vfat rw 0 0
/dev/sdd1 /media/odd\\134040\\011name vfat rw 0 0
/dev/sdc1 /mnt/no-such-place-here ext4 rw 0 0
tmpfs /run/user/1000 tmpfs rw 0 0
none /mnt/shared/folder 9p rw 0 0
odd
"""


def test_what_is_mounted_where_media_are_is_a_stick(tmp_path: Path) -> None:
    """By its path, as it is typed."""
    mounts = tmp_path / "mounts"
    mounts.write_text(_MOUNTS)
    assert sticks(mounts) == (
        Stick("/media/ann/BOOT STICK", None),
        Stick("/media/odd\\040\tname", None),
        Stick("/mnt/no-such-place-here", None),
    )
    assert Stick("/media/usb", 58_000_000_000).text == "/media/usb (58.0 GB)"
    assert Stick("/media/usb", None).text == "/media/usb"


def test_a_kernel_that_tells_nothing_has_no_sticks(tmp_path: Path) -> None:
    """Never an error."""
    assert sticks(tmp_path / "nosuch") == ()
    assert isinstance(sticks(), tuple)
