"""Archives as the kernel unpacks them (newc; the kernel's initramfs buffer format).

Written here and not by cpio(1), so that equal trees give equal octets: names sorted, every owner
root, every time the same, inodes counted, and device nodes without being root.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass

_MAGIC = "070701"
_TRAILER = "TRAILER!!!"
_ALIGNED = 4


@dataclass(frozen=True, slots=True)
class Entry:
    """A file, link, folder or node. `mode` has its kind too; `data` is a link's target."""

    mode: int
    data: bytes = b""
    device: tuple[int, int] = (0, 0)


def folder(permissions: int = 0o755) -> Entry:
    """A folder."""
    return Entry(stat.S_IFDIR | permissions)


def file(data: bytes, permissions: int = 0o644) -> Entry:
    """A regular file."""
    return Entry(stat.S_IFREG | permissions, data)


def link(target: str) -> Entry:
    """A symbolic link."""
    return Entry(stat.S_IFLNK | 0o777, target.encode())


def node(major: int, minor: int, permissions: int = 0o600) -> Entry:
    """A character device."""
    return Entry(stat.S_IFCHR | permissions, device=(major, minor))


def with_folders(tree: Mapping[str, Entry]) -> dict[str, Entry]:
    """Add the folders that a tree's names stand in."""
    whole = dict(tree)
    for name in tree:
        parts = name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            whole.setdefault("/".join(parts[:depth]), folder())
    return whole


def archive(tree: Mapping[str, Entry], time: int) -> bytes:
    """Write a tree, by names relative to the root; every time is `time` (Unix seconds)."""
    written = bytearray()
    for inode, (name, entry) in enumerate(sorted(tree.items()), start=1):
        _write(written, name, entry, inode, time)
    _write(written, _TRAILER, Entry(0), 0, 0)
    written.extend(bytes(-len(written) % 512))
    return bytes(written)


def _write(written: bytearray, name: str, entry: Entry, inode: int, time: int) -> None:
    octets = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    fields = (inode, entry.mode, 0, 0, links, time, len(entry.data))
    numbers = (*fields, 0, 0, *entry.device, len(octets), 0)
    written += (_MAGIC + "".join(f"{number:08x}" for number in numbers)).encode()
    written += octets
    written.extend(bytes(-len(written) % _ALIGNED))
    written += entry.data
    written.extend(bytes(-len(written) % _ALIGNED))
