"""The depot: verified files by name, and the servers' only door to the disk.

A file enters by `admit`, after its digest has been verified, in one rename. The index
(`depot.json`) keeps its digest, size, inode and mtime: a file that was changed behind our back is
read again in full before it is served. Names are plain: no folder, no link, ever.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO

from appliance import advice
from appliance.errors import ArtifactError
from appliance.values import Digest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")
_INDEX = "depot.json"
_LOCK = "depot.lock"
_INCOMING = "incoming"
_RESERVED = frozenset({_INDEX, _LOCK, _INCOMING})
READ_SIZE = 1 << 20

Progress = Callable[[str, int, int | None], None]
"""Called with a file's name, octets done, octets in all (None: unknown). What it raises stops
the work and leaves what was done in place."""


def silent(_name: str, _done: int, _total: int | None) -> None:
    """Progress that nobody watches."""


class Origin(StrEnum):
    """Where a file's bytes are from: reports say which legs of a rehearsal were real."""

    UPSTREAM = "upstream"
    PACKAGE = "package"
    BUILT = "built"
    STAND_IN = "stand-in"


@dataclass(frozen=True, slots=True)
class DepotFile:
    """A verified file. `verified_at` is Unix seconds; inode and mtime notice later changes.

    `also` are its digests by other algorithms, computed once they were asked for.
    """

    name: str
    size: int
    digest: Digest
    origin: Origin
    source: str
    verified_at: float
    inode: int
    mtime_ns: int
    also: tuple[Digest, ...] = ()


class Depot:
    """Verified files under one folder. Safe for several processes at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def incoming(self) -> Path:
        """The folder of unfinished files, on the same file system; made if need be."""
        folder = self.root / _INCOMING
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        return folder

    def files(self) -> tuple[DepotFile, ...]:
        """Give all files of the index, by name. Raises ArtifactError if it cannot be read."""
        index = self._read()
        return tuple(index[name] for name in sorted(index))

    def get(self, name: str) -> DepotFile | None:
        """Give what the index knows of a file; it may since have gone from the disk."""
        return self._read().get(plain_name(name))

    def path_of(self, name: str) -> Path:
        """Give where a file of this name lies, or would lie."""
        return self.root / plain_name(name)

    def admit(
        self, part: Path, name: str, digest: Digest, *, origin: Origin, source: str, now: float
    ) -> DepotFile:
        """Take in a file whose `digest` was just computed, by one rename; on disk on return.

        `part` must be a regular file on the depot's file system that nobody else writes to.
        """
        target = self.path_of(name)
        self.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW)
        try:
            os.fchmod(descriptor, 0o644)  # the boot process reads it under another user
            os.fsync(descriptor)
            seen = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        file = DepotFile(
            name, seen.st_size, digest, origin, source, now, seen.st_ino, seen.st_mtime_ns
        )
        with self._locked():
            part.rename(target)
            self._write({**self._read(), name: file})
        return file

    def digest(self, name: str, algorithm: str) -> Digest:
        """Give a file's digest by `sha256` or `sha512`, whichever of them vouched for it.

        Harvester asks for SHA-512, upstream mostly lists SHA-256: the other one is computed at the
        first time and kept. Raises ArtifactError for a file that cannot be served.
        """
        with self.open_by_name(name) as handle:
            file = self._read()[name]
            for each in (file.digest, *file.also):
                if each.algorithm == algorithm:
                    return each
            found = digest_of(handle, algorithm, name, file.size, silent)
        with self._locked():
            index = self._read()
            if index.get(name) == file:
                self._write({**index, name: replace(file, also=(*file.also, found))})
        return found

    def digests(self, name: str) -> dict[str, Digest]:
        """Give a file's SHA-256 and SHA-512, by algorithm. Raises as `digest`."""
        return {algorithm: self.digest(name, algorithm) for algorithm in ("sha256", "sha512")}

    def open_by_name(self, name: str) -> BinaryIO:
        """Open a verified file for reading.

        Raises ArtifactError for a name that is not in the index, and for a file that is gone,
        is a link, or is no longer the one that was verified.
        """
        file = self.get(name)
        if file is None:
            raise ArtifactError(
                f"{name} is not in the depot", where=str(self.root), fix=advice.fetch_or_import_it()
            )
        handle = self._open(file)
        if not _is_same(file, os.fstat(handle.fileno())):
            handle.close()
            raise _refused(name, "it was changed after it was verified", advice.check_files())
        return handle

    def verify_again(
        self,
        names: Iterable[str],
        *,
        full: bool = False,
        progress: Progress = silent,
    ) -> tuple[DepotFile, ...]:
        """Check that all these files are there and are what was verified.

        A file whose inode or mtime changed is read again in full, as all are with `full`. Raises
        one ArtifactError that names each file at fault.
        """
        index, good, faults = self._read(), [], []
        for name in names:
            file = index.get(name)
            if file is None:
                faults.append((name, "is missing"))
                continue
            try:
                good.append(self._check(file, full=full, progress=progress))
            except ArtifactError as error:
                faults.append((name, error.why))
        if faults:
            raise ArtifactError(
                f"{len(faults)} of the files to be served cannot be used",
                where=str(self.root),
                why=[f"{name} {why}" for name, why in faults],
                fix=advice.fetch_or_import("them"),
            )
        return tuple(good)

    def real_legs(self, names: Iterable[str]) -> dict[str, str]:
        """Say of each file by whom its bytes were made: upstream, a package, us, or a stand-in."""
        index = self._read()
        return {name: index[name].origin.value for name in names if name in index}

    def forget(self, name: str) -> None:
        """Take a file out of the depot and off the disk. A name that is not there is no error."""
        with self._locked():
            index = self._read()
            index.pop(plain_name(name), None)
            self._write(index)
            self.path_of(name).unlink(missing_ok=True)

    def _check(self, file: DepotFile, *, full: bool, progress: Progress) -> DepotFile:
        with self._open(file) as handle:
            seen = os.fstat(handle.fileno())
            if seen.st_size != file.size:
                raise _refused(file.name, f"has {seen.st_size} octets instead of {file.size}", "")
            if _is_same(file, seen) and not full:
                return file
            got = digest_of(handle, file.digest.algorithm, file.name, file.size, progress)
            if not got.matches(file.digest):
                raise _refused(file.name, f"has {got} instead of {file.digest}", "")
        same = replace(file, inode=seen.st_ino, mtime_ns=seen.st_mtime_ns)
        if same != file:
            with self._locked():
                self._write({**self._read(), file.name: same})
        return same

    def _open(self, file: DepotFile) -> BinaryIO:
        try:
            # O_NONBLOCK: to open a pipe that stands in a file's place must not hang.
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
            descriptor = os.open(self.path_of(file.name), flags)
        except FileNotFoundError as error:
            raise _refused(file.name, "is gone from the disk", advice.fetch()) from error
        except OSError as error:
            why = f"cannot be opened: {error.strerror}"
            raise _refused(file.name, why, advice.fetch()) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _refused(file.name, "is not a file", f"remove it and {advice.fetch()}")
        return os.fdopen(descriptor, "rb")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.root.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (self.root / _LOCK).open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _read(self) -> dict[str, DepotFile]:
        path = self.root / _INDEX
        try:
            found: dict[str, dict[str, Any]] = json.loads(path.read_text("utf-8"))["files"]
            return {name: _from_json(name, entry) for name, entry in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ArtifactError(
                "the depot's index cannot be read",
                where=str(path),
                why=error,
                fix=f"remove it and {advice.fetch()}: files there are verified anew",
            ) from error

    def _write(self, index: dict[str, DepotFile]) -> None:
        files = {name: _to_json(index[name]) for name in sorted(index)}
        fresh = self.root / f"{_INDEX}.new"
        with fresh.open("w", encoding="utf-8") as handle:
            json.dump({"format": 1, "files": files}, handle, indent=1)
            handle.flush()
            os.fsync(handle.fileno())
        fresh.replace(self.root / _INDEX)
        folder = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def plain_name(name: str) -> str:
    """Give the name back if it may be a file of the depot. Raises ArtifactError if not."""
    if not _NAME.fullmatch(name) or name in _RESERVED or name.startswith(_INDEX):
        raise _refused(name[:200], "it is not a plain file name", "")
    return name


def digest_of(
    handle: BinaryIO, algorithm: str, name: str, size: int | None, progress: Progress
) -> Digest:
    """Read a file from where it stands to its end and give its digest."""
    state, done = hashlib.new(algorithm), 0
    while block := handle.read(READ_SIZE):
        state.update(block)
        done += len(block)
        progress(name, done, size)
    return Digest(algorithm, state.hexdigest())


def _is_same(file: DepotFile, seen: os.stat_result) -> bool:
    return (file.inode, file.mtime_ns, file.size) == (seen.st_ino, seen.st_mtime_ns, seen.st_size)


def _to_json(file: DepotFile) -> dict[str, Any]:
    entry = asdict(file)
    del entry["name"]
    return {**entry, "digest": str(file.digest), "also": [str(each) for each in file.also]}


def _from_json(name: str, entry: dict[str, Any]) -> DepotFile:
    plain_name(name)
    return DepotFile(
        name=name,
        size=int(entry["size"]),
        digest=Digest.parse(entry["digest"]),
        origin=Origin(entry["origin"]),
        source=str(entry["source"]),
        verified_at=float(entry["verified_at"]),
        inode=int(entry["inode"]),
        mtime_ns=int(entry["mtime_ns"]),
        also=tuple(Digest.parse(each) for each in entry.get("also", ())),
    )


def _refused(name: str, why: str, fix: str) -> ArtifactError:
    return ArtifactError(f"{name!r} is not served", where=name, why=why, fix=fix)
