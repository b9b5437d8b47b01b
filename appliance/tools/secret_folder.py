"""A folder for what is secret for a moment: in memory, nobody else's, gone afterwards.

Programs that take a key or a password only from a file are given one in here. The folder is held
by a lock that dies with its owner, so that whatever a kill -9 leaves is swept by the next to come.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from appliance import advice
from appliance.errors import PreflightError
from appliance.values import Secret

_MOUNTS = Path("/proc/self/mountinfo")


def bases() -> tuple[Path, ...]:
    """Give the places that are tried, the best first; short, as sockets may live there."""
    return Path("/run/bridgehead/secrets"), Path(f"/dev/shm/bridgehead-{os.geteuid()}")  # noqa: S108


@contextmanager
def secret_folder(state: Path, places: Sequence[Path] | None = None) -> Iterator[Path]:
    """Give a new folder, 0700, until the block ends; first remove those whose owner is gone.

    It is in memory where this system offers that (`places`), else in `state`, the site's own.
    Raises PreflightError if nothing can be written.
    """
    base = _base(state, bases() if places is None else places)
    sweep(base)
    folder, lock = _locked(base)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def write_secret(path: Path, secret: Secret) -> Path:
    """Write a secret to a new file, 0600 from its first moment; give the path back."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(secret.reveal())
    return path


def sweep(base: Path) -> int:
    """Remove the folders that nobody holds; give their number."""
    removed = 0
    for folder in base.iterdir() if base.is_dir() else ():
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:  # gone meanwhile, or no folder of ours
            continue
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(folder, ignore_errors=True)
            removed += 1
        except BlockingIOError:
            pass
        finally:
            os.close(lock)
    return removed


def _locked(base: Path) -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(dir=base))  # made 0700
        try:
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:  # another's sweep came between the two
            continue
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder, lock
        os.close(lock)


def _base(state: Path, places: Sequence[Path]) -> Path:
    for place in (*places, state / "secrets"):
        in_state = place.parent == state
        if (in_state or _in_memory(place)) and _made_private(place):
            return place
    raise PreflightError(
        "there is no place for what must stay secret",
        where=str(state),
        fix=advice.other_state(),
    )


def _made_private(place: Path) -> bool:
    """Make the folder 0700; False where it cannot be, or is somebody else's."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        place.mkdir(exist_ok=True, mode=0o700)
        found = place.lstat()
        if found.st_uid != os.geteuid() or place.is_symlink():
            return False
        place.chmod(0o700)
    except OSError:
        return False
    return True


def _in_memory(place: Path) -> bool:
    """Whether the file system of a path is tmpfs (proc(5), mountinfo)."""
    existing = next(each for each in (place, *place.parents) if each.exists()).resolve()
    best, kind = "", ""
    for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        left, _, right = line.partition(" - ")
        point = left.split()[4]
        if existing.is_relative_to(point) and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind == "tmpfs"
