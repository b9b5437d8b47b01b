"""One run at a time per site: a lock that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from appliance.errors import BusyError, PreflightError


@contextmanager
def hold(path: Path, *, who: str, since: str) -> Iterator[None]:
    """Hold the site while the block runs.

    Raises BusyError that says who holds it, PreflightError if the lock cannot be opened. A child
    made by a bare `fork` would hold it too: programs are started by `exec`, which closes it.
    """
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                "another run holds this site",
                where=str(path),
                why=_holder(descriptor),
                fix="wait for it, or end it with Ctrl-C in its terminal, then run again",
            ) from error
        os.ftruncate(descriptor, 0)
        holder = {"pid": os.getpid(), "who": who, "since": since}
        os.pwrite(descriptor, json.dumps(holder).encode(), 0)
        yield
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PreflightError(
            "the site cannot be locked",
            where=str(path),
            why=str(error),
            fix="run as root, or give another folder with --state",
        ) from error


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {holder['pid']}, {holder['who']}, since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "it has not said who it is"
