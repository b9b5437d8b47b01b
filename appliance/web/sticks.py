"""Sticks and other media that are plugged into this laptop, as the kernel has them mounted.

Who asks a dying medium waits for the kernel, for minutes or for ever: it is asked on a thread that
nobody waits for, and said not to answer.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.errors import InputError
from appliance.tools.unwaited import start
from appliance.tools.words import size

PATIENCE = 1.5
"""Seconds: a disk that sleeps may take longer, and is then known at the next look."""

_MOUNTS = Path("/proc/self/mounts")
_OCTAL = re.compile(r"\\([0-7]{3})")
_BELOW = ("/media/", "/run/media/", "/mnt/")
"""Where desktops and people mount what is put in (FHS 3.0, sections 3.11 and 3.12)."""


@dataclass(frozen=True, slots=True)
class Stick:
    """One medium: where it is mounted, and how large it is if that can be asked, in octets."""

    path: str
    octets: int | None
    answers: bool = True

    @property
    def text(self) -> str:
        """Its path and its size."""
        if not self.answers:
            return f"{self.path} (does not answer)"
        return self.path if self.octets is None else f"{self.path} ({size(self.octets)})"


class Media:
    """The media of this laptop, each asked once at a time. Safe for many threads.

    `ask` gives a medium's size by its path, and may hang.
    """

    def __init__(
        self,
        mounts: Path = _MOUNTS,
        *,
        ask: Callable[[str], int | None] | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._mounts = mounts
        self._ask = ask or _size
        self._patience = patience
        self._lock = threading.Lock()
        self._asked: dict[str, Future[int | None]] = {}

    def sticks(self) -> tuple[Stick, ...]:
        """Give the media that are mounted where media are; none where the kernel does not tell."""
        with self._lock:
            before = self._asked
            self._asked = {path: before.get(path) or self._start(path) for path in self._places()}
            asked = dict(self._asked)
        # One that did not answer at the last look is not waited for again.
        wait([each for path, each in asked.items() if path not in before], self._patience)
        found = tuple(
            Stick(path, each.result()) if each.done() else Stick(path, None, answers=False)
            for path, each in asked.items()
        )
        with self._lock:  # whoever has answered is asked anew at the next look
            self._asked = {path: each for path, each in self._asked.items() if not each.done()}
        return found

    def _start(self, path: str) -> Future[int | None]:
        return start(lambda: self._ask(path), name=f"size of {path}")

    def _places(self) -> tuple[str, ...]:
        try:
            lines = self._mounts.read_text("utf-8", "replace").splitlines()
        except OSError:
            return ()
        # A blank in a name is written as \\040, a backslash as \\134 (proc_pid_mounts(5)).
        found = (line.split(" ") for line in lines if line.startswith("/dev/") and " " in line)
        places = (_OCTAL.sub(lambda octal: chr(int(octal[1], 8)), each[1]) for each in found)
        return tuple(each for each in places if each.startswith(_BELOW))


def refuse_no_folder(path: str, is_folder: Callable[[Path], bool] = Path.is_dir) -> None:
    """Raise InputError for what is no folder of this laptop, or does not answer."""
    folder = Path(path)
    try:
        asked = start(lambda: is_folder(folder), name=f"folder {path}")
        if folder.is_absolute() and asked.result(PATIENCE):
            return
    except TimeoutError:
        raise InputError(
            f"{path} does not answer",
            where="folder",
            fix="take the stick out and put it in again; if it stays so, bring another",
        ) from None
    raise InputError(
        f"{path!r} is no folder of this laptop",
        where="folder",
        fix="give its whole path, such as /media/usb",
    )


def _size(path: str) -> int | None:
    with suppress(OSError):
        seen = os.statvfs(path)
        return seen.f_blocks * seen.f_frsize
    return None
