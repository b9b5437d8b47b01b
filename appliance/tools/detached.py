"""A program that outlives its starter: a session of its own, its words in a file.

Whether it still runs is asked of the kernel: the file it writes to is locked as long as it, or
what it started, has it open. That holds for a starter that was itself started anew.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.errors import BusyError, StepError

_TAIL = 256 << 10
"""Octets of the file's end that are read."""


@dataclass(frozen=True, slots=True)
class Detached:
    """One program at a time, that writes to `log`; who it is stands beside it."""

    log: Path

    @property
    def _beside(self) -> Path:
        return self.log.with_suffix(".pid")

    def start(self, argv: Sequence[str]) -> int:
        """Start a program; give its process id. Nothing secret may be in `argv`.

        What the last one wrote is dropped. Raises BusyError while one runs, StepError if there is
        no such program or the file cannot be written.
        """
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
            out = os.open(self.log, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _not_started(argv, str(error)) from error
        try:
            self._lock(out)
            os.ftruncate(out, 0)
            child = subprocess.Popen(  # noqa: TID251 - it outlives us: that is what it is for
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
            self._beside.write_text(str(child.pid))
        except OSError as error:
            raise _not_started(argv, str(error)) from error
        finally:
            os.close(out)
        threading.Thread(target=child.wait, name="reaper", daemon=True).start()
        return child.pid

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                "this is under way already",
                where=str(self.log),
                fix="wait until it is done, or stop it first",
            ) from None

    def pid(self) -> int | None:
        """Give the process id of the program that runs, None where none does."""
        try:
            looking = os.open(self.log, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            fcntl.flock(looking, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            with suppress(OSError, ValueError):
                return int(self._beside.read_text())
        finally:
            os.close(looking)
        return None

    def began(self) -> float | None:
        """Give when the last one was started, Unix seconds; None where none ever was."""
        try:
            return self._beside.stat().st_mtime
        except OSError:
            return None

    def said(self) -> tuple[dict[str, Any], ...]:
        """Give what it said last, each line that is a JSON object; other lines as `{"text": …}`."""
        try:
            with self.log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _TAIL))
                raw = file.read(_TAIL)
        except OSError:
            return ()
        lines = raw.decode("utf-8", "replace").splitlines()
        return tuple(_line(each) for each in lines[size > _TAIL :] if each.strip())


def _line(text: str) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(text)
        if isinstance(found, dict):
            return found
    return {"text": text}


def _not_started(argv: Sequence[str], why: str) -> StepError:
    return StepError(f"{argv[0]!r} could not be started", why=why, fix="run as root: 'sudo'")
