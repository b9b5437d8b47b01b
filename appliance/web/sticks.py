"""Sticks and other media that are plugged into this laptop, as the kernel has them mounted."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.tools.words import size

_MOUNTS = Path("/proc/self/mounts")
_OCTAL = re.compile(r"\\([0-7]{3})")
_BELOW = ("/media/", "/run/media/", "/mnt/")
"""Where desktops and people mount what is put in (FHS 3.0, sections 3.11 and 3.12)."""


@dataclass(frozen=True, slots=True)
class Stick:
    """One medium: where it is mounted, and how large it is if that can be asked, in octets."""

    path: str
    octets: int | None

    @property
    def text(self) -> str:
        """Its path and its size."""
        return self.path if self.octets is None else f"{self.path} ({size(self.octets)})"


def sticks(mounts: Path = _MOUNTS) -> tuple[Stick, ...]:
    """Give the media that are mounted where media are; none where the kernel does not tell."""
    try:
        lines = mounts.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ()
    # A blank in a name is written as \\040, a backslash as \\134 (proc_pid_mounts(5)).
    found = (line.split(" ") for line in lines if line.startswith("/dev/") and " " in line)
    places = (_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), each[1]) for each in found)
    return tuple(Stick(each, _size(each)) for each in places if each.startswith(_BELOW))


def _size(path: str) -> int | None:
    with suppress(OSError):
        seen = os.statvfs(path)
        return seen.f_blocks * seen.f_frsize
    return None
