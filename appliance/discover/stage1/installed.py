"""What blkid cannot say: is there data without a name, and which system is installed where.

Disks are only ever opened for reading. Before a file system is mounted, its device is set
read-only in the kernel, and its journal is not replayed.
"""

from __future__ import annotations

import fcntl
import os
import stat
import struct
import subprocess
from collections.abc import Iterator
from typing import Any

from .files import clean

START = 1 << 20
END = 1 << 16
_BLKROSET, _BLKROGET = 0x125D, 0x125E
_OPTIONS = {
    # Without a journal, `noload` is refused. A superblock may ask for a panic on any fault in it.
    "ext2": "errors=continue",
    "ext3": "noload,errors=continue",
    "ext4": "noload,errors=continue",
    "xfs": "norecovery,nouuid",
    "btrfs": "rescue=nologreplay",
    "vfat": "",
}
_ROOTS = ("", "@", "@rootfs", "root")
"""Where a root file system stands in its device: btrfs subvolumes by Ubuntu, Debian, Fedora."""
_RELEASE = ("etc/os-release", "usr/lib/os-release")
_WINDOWS = "EFI/Microsoft/Boot/bootmgfw.efi"
_NAME = 4096

Said = dict[str, Any]


def look(disk: Said, dev: str = "/dev", places: str = "/run/look") -> Iterator[Said]:
    """Read a disk, then each file system on it.

    Gives `{"problem": …}`, or `{"raw": …}` and then `{"where": …, "system": …}` for each.

    May hang with the disk: for `limited.within`.
    """
    try:
        raw = has_data(f"{dev}/{disk['name'].replace('!', '/')}", disk["size"])
    except OSError as error:
        yield {"problem": f"reading it failed: {clean(os.strerror(error.errno or 0))}"}
        return
    yield {"raw": raw}
    for content in disk["contents"]:
        if content["kind"] in _OPTIONS:
            name = content["where"] or disk["name"]
            system = installed(f"{dev}/{name}", content["kind"], f"{places}/{name}")
            yield {"where": content["where"], "system": system}


def has_data(path: str, size: int) -> bool:
    """Whether the first MiB or the last 64 KiB hold anything but zeros. Raises OSError."""
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        start = os.pread(opened, min(START, size), 0)
        end = os.pread(opened, END, max(0, size - END))
    finally:
        os.close(opened)
    return bool(start.strip(b"\0") or end.strip(b"\0"))


def installed(device: str, kind: str, place: str) -> str:
    """Name the system in a file system, empty if none. Mounts it, read-only, meanwhile."""
    os.makedirs(place, exist_ok=True)
    options = ",".join(filter(None, ("ro,nodev,nosuid,noexec", _OPTIONS[kind])))
    opened = os.open(device, os.O_RDONLY | os.O_CLOEXEC)
    try:
        was = fcntl.ioctl(opened, _BLKROGET, struct.pack("i", 0))
        fcntl.ioctl(opened, _BLKROSET, struct.pack("i", 1))
        try:
            done = _quiet("mount", "-t", kind, "-o", options, device, place)
            if done != 0:
                return ""
            try:
                return named(place)
            finally:
                _quiet("umount", "-l", place)
        finally:
            fcntl.ioctl(opened, _BLKROSET, was)
    finally:
        os.close(opened)


def named(place: str) -> str:
    """Name the system in a folder: by its os-release, or Windows by its boot loader."""
    for root in _ROOTS:
        for release in _RELEASE:
            name = pretty(_regular(os.path.join(place, root, release)))
            if name:
                return name
    if os.path.isfile(os.path.join(place, _WINDOWS)):
        return "Windows (its boot loader)"
    return ""


def pretty(release: bytes) -> str:
    """Give PRETTY_NAME, or else NAME, of an os-release file (os-release(5))."""
    fields = {}
    for line in release.decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        fields[key.strip()] = clean(value.strip().strip("\"'"))
    return fields.get("PRETTY_NAME") or fields.get("NAME", "")


def _regular(path: str) -> bytes:
    """Read a regular file's beginning; a device or pipe of that name is not opened for long."""
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            return b""
        return os.read(opened, _NAME)
    except OSError:
        return b""
    finally:
        os.close(opened)


def _quiet(*words: str) -> int:
    done = subprocess.run(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return done.returncode
