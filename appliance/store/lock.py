"""One at a time per site, a run or a fetch: a lock that the kernel drops when its holder dies."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from appliance import advice
from appliance.errors import BusyError, PreflightError

SITE_HELD = "another run holds this site"
FILES_HELD = "the files of this site are in use"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a site: a process, the verb it runs, and since when, as it wrote itself."""

    pid: int
    who: str
    since: str

    @property
    def text(self) -> str:
        """Say it in words."""
        return f"{self.who}, process {self.pid}, since {self.since}"


@contextmanager
def hold(path: Path, *, who: str, since: str, what: str = SITE_HELD) -> Iterator[None]:
    """Hold the site, or what else lies at `path`, while the block runs; `what` says that it is.

    Raises BusyError that says who holds it, PreflightError if the lock cannot be opened. A child
    made by a bare `fork` would hold it too: programs are started by `exec`, which closes it.
    """
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BusyError(
                what,
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


def holder_of(path: Path) -> Holder | None:
    """Say who holds a site now, None where nobody does.

    It only looks: to try the lock, even for a moment, could refuse a run that begins just then.
    """
    try:
        said = json.loads(path.read_bytes()[:4096])
        holder = Holder(int(said["pid"]), str(said["who"]), str(said["since"]))
        lock = path.stat()
    except (OSError, ValueError, KeyError, TypeError):
        return None
    # What is written there outlives its writer, and numbers of processes are used again.
    for descriptor in _descriptors(holder.pid):
        with suppress(OSError):
            if os.path.samestat(descriptor.stat(), lock):
                return holder
    return None


def _descriptors(pid: int) -> tuple[Path, ...]:
    try:
        return tuple(Path("/proc", str(pid), "fd").iterdir())
    except OSError:
        return ()


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        return os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PreflightError(
            "the site cannot be locked",
            where=str(path),
            why=error,
            fix=advice.other_state(),
        ) from error


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 4096, 0))
        return f"process {holder['pid']}, {holder['who']}, since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "it has not said who it is"
