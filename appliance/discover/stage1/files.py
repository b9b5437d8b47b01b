"""Small files of /sys, /proc and /run/udev, read so that a missing or odd one is just empty."""

from __future__ import annotations

import os

MAX_TEXT = 256
"""Characters of any string in the report."""
_LARGEST = 1 << 20
_NUMBER_END = 1 << 63


def clean(text: str) -> str:
    """Give the text on one line, printable, without the blanks around it, at most MAX_TEXT long."""
    printable = "".join(each if each.isprintable() else " " for each in text)
    return printable.strip()[:MAX_TEXT]


def octets(path: str) -> bytes:
    """Read a file, at most 1 MiB of it; nothing if it cannot be read."""
    try:
        with open(path, "rb") as opened:
            return opened.read(_LARGEST)
    except OSError:
        return b""


def text(*parts: str) -> str:
    """Read a file of one line, cleaned; empty if it cannot be read."""
    return clean(octets(os.path.join(*parts)).decode("utf-8", "replace"))


def number(*parts: str, base: int = 10) -> int:
    """Read a file that holds a number; 0 if it does not, or a negative one."""
    try:
        value = int(text(*parts), base)
    except ValueError:
        return 0
    return value if 0 <= value < _NUMBER_END else 0


def names(folder: str) -> list[str]:
    """List a folder, sorted; nothing if it cannot be listed."""
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []


def target(path: str) -> str:
    """Give the last part of what a link points to (a driver's name); empty if it is no link."""
    try:
        return os.path.basename(os.readlink(path))
    except OSError:
        return ""
