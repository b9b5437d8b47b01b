"""What is on a disk that blkid cannot say. Only reading: shown by the octets before and after."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.discover.stage1 import installed

RELEASE = 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'


def test_data_is_seen_at_both_ends(tmp_path: Path) -> None:
    """A new disk is all zeros; one octet at its start or end is somebody's."""
    path, size = tmp_path / "disk", 8 << 20
    for at in (None, 5, size - 1):
        with path.open("wb") as opened:
            opened.truncate(size)
            if at is not None:
                opened.seek(at)
                opened.write(b"x")
        assert installed.has_data(str(path), size) is (at is not None)


def test_a_disk_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    """The kernel's reason is the problem."""
    (tmp_path / "sda").mkdir()
    disk = {"name": "sda", "size": 512, "contents": []}
    said = list(installed.look(disk, str(tmp_path), str(tmp_path)))
    assert said == [{"problem": "reading it failed: Is a directory"}]


def test_a_blank_disk(tmp_path: Path) -> None:
    """Read, and nothing is there."""
    (tmp_path / "sda").write_bytes(bytes(4096))
    disk = {"name": "sda", "size": 4096, "contents": []}
    assert list(installed.look(disk, str(tmp_path), str(tmp_path))) == [{"raw": False}]


@pytest.mark.parametrize("place", ["etc/os-release", "usr/lib/os-release", "@/etc/os-release"])
def test_a_system_by_its_own_name(tmp_path: Path, place: str) -> None:
    """Where distributions keep it, in a subvolume too."""
    (tmp_path / place).parent.mkdir(parents=True)
    (tmp_path / place).write_text(RELEASE)
    assert installed.named(str(tmp_path)) == "Debian GNU/Linux 12 (bookworm)"


def test_windows_by_its_boot_loader(tmp_path: Path) -> None:
    """In the EFI system partition."""
    loader = tmp_path / "EFI" / "Microsoft" / "Boot" / "bootmgfw.efi"
    loader.parent.mkdir(parents=True)
    loader.write_bytes(b"MZ")
    assert installed.named(str(tmp_path)) == "Windows (its boot loader)"


def test_a_trap_in_place_of_the_name(tmp_path: Path) -> None:
    """A pipe of that name would be waited for for ever; it is not opened for long."""
    (tmp_path / "etc").mkdir()
    os.mkfifo(tmp_path / "etc" / "os-release")
    assert installed.named(str(tmp_path)) == ""


def test_names_without_quotes_and_without_the_pretty_one() -> None:
    """os-release(5) allows both."""
    assert installed.pretty(b"NAME=Alpine\n") == "Alpine"
    assert installed.pretty(b"\xff\x00 no lines") == ""


@pytest.mark.root
@pytest.mark.parametrize("kind", ["ext2", "ext3", "ext4"])
def test_a_file_system_is_named_and_not_changed(tmp_path: Path, kind: str) -> None:
    """Mounted from a loop device: its journal asks for recovery, and no octet changes."""
    tree = tmp_path / "tree" / "etc"
    tree.mkdir(parents=True)
    (tree / "os-release").write_text(RELEASE)
    image = tmp_path / "image"
    with image.open("wb") as opened:
        opened.truncate(64 << 20)
    subprocess.run(["mke2fs", "-q", "-t", kind, "-d", tree.parent, image], check=True)
    if kind != "ext2":
        subprocess.run(["debugfs", "-w", "-R", "feature needs_recovery", image], check=True)
    before = image.read_bytes()
    loop = subprocess.run(
        ["losetup", "--find", "--show", image], capture_output=True, text=True, check=False
    )
    if loop.returncode or not shutil.which("mount"):
        pytest.skip("this machine has no loop devices")
    try:
        name = installed.installed(loop.stdout.strip(), kind, str(tmp_path / "place"))
    finally:
        subprocess.run(["losetup", "--detach", loop.stdout.strip()], check=True)
    assert name == "Debian GNU/Linux 12 (bookworm)"
    assert image.read_bytes() == before
