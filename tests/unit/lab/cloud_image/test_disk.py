"""The disk made of a small folder: what is where, and the same to the octet each time."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from appliance.errors import ArtifactError
from appliance.lab.cloud_image import disk
from appliance.tools.building import EPOCH

needs_tools = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("sgdisk", "mke2fs", "debugfs", "qemu-img")),
    reason="needs gdisk, e2fsprogs and qemu-utils",
)


SIZE = 128 * disk.MIB


def parts(folder: Path) -> tuple[Path, Path, Path]:
    """Give a root folder, a boot partition and a boot sector."""
    root = folder / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc" / "hostname").write_text("localhost\n")
    (root / "etc" / "with space").symlink_to("hostname")
    for path in (root / "etc" / "hostname", root / "etc" / "with space", root / "etc", root):
        os.utime(path, (int(EPOCH), int(EPOCH)), follow_symlinks=False)
    esp, boot_code = folder / "esp.img", folder / "mbr.bin"
    esp.write_bytes(b"FAT " * (32 << 18))
    boot_code.write_bytes(b"\xfa" * 440)
    return root, esp, boot_code


def made(folder: Path) -> Path:
    """Make the disk and give it as it is seen by a machine."""
    image, raw = folder / "disk.img", folder / "disk.raw"
    disk.make_disk(*parts(folder), image, size=SIZE)
    subprocess.run(["qemu-img", "convert", "-O", "raw", image, raw], check=True)
    return raw


@needs_tools
def test_everything_is_in_its_place(tmp_path: Path) -> None:
    """Boot sector, boot partition, and a root file system that holds the folder and is clean."""
    raw = made(tmp_path)
    table = subprocess.run(
        ["sgdisk", "--verify", "--print", raw], check=True, capture_output=True, text=True
    ).stdout
    assert "No problems found" in table
    with raw.open("rb") as opened:
        assert opened.read(440) == b"\xfa" * 440
        opened.seek(disk.ESP_AT)
        assert opened.read(8) == b"FAT FAT "
        opened.seek(disk.ROOT_AT)
        (tmp_path / "root.ext4").write_bytes(opened.read(SIZE - disk.ROOT_AT - disk.MIB))
    checked = subprocess.run(
        ["e2fsck", "-fn", tmp_path / "root.ext4"], check=False, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout
    said = subprocess.run(
        ["debugfs", "-R", "cat /etc/hostname", tmp_path / "root.ext4"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert said == "localhost\n"


@needs_tools
def test_the_same_parts_make_the_same_disk(tmp_path: Path) -> None:
    """Also a second later: no time and no drawn identifier is in it."""
    images = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        disk.make_disk(*parts(tmp_path / name), tmp_path / name / "disk.img", size=SIZE)
        images.append((tmp_path / name / "disk.img").read_bytes())
        time.sleep(1.1)  # ext4 counts in seconds
    assert images[0] == images[1]


@needs_tools
def test_nothing_is_left_beside_the_disk(tmp_path: Path) -> None:
    """The raw disk of 2 GiB is gone, also after a failure."""
    root, esp, boot_code = parts(tmp_path)
    shutil.rmtree(root)
    before = set(tmp_path.iterdir())
    with pytest.raises(ArtifactError):
        disk.make_disk(root, esp, boot_code, tmp_path / "disk.img")
    assert set(tmp_path.iterdir()) == before
