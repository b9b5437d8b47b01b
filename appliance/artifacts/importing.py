"""Files from a folder (a USB stick, a bundle): copied, verified on the way, the source untouched.

Always a copy, never a hard link: a link would share the file with a medium that others write to,
and giving the boot process the right to read it would change the source.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from appliance.artifacts.catalog import Wanted
from appliance.artifacts.depot import (
    READ_SIZE,
    Depot,
    DepotFile,
    Origin,
    Progress,
    plain_name,
    silent,
)
from appliance.artifacts.fetch import SPARE_OCTETS, full_disk, wrong_checksum
from appliance.errors import ArtifactError
from appliance.values import Digest


def find_in(folder: Path, name: str) -> Path | None:
    """Find a file in a folder or one level below it, where upstream's own layout has it."""
    for place in _rooms(folder):
        if (place / name).is_file():
            return place / name
    return None


def find_wanted(folders: Sequence[Path], want: Wanted) -> Path | None:
    """Find a wanted file: by its name in the depot, else by upstream's in upstream's layout.

    The folder of its version is looked into first; elsewhere upstream's name counts only in a
    folder that also holds what `beside` names.
    """
    for folder in folders:
        if (found := find_in(folder, want.name)) is not None:
            return found
    names = (want.published_as, *want.aliases)
    rooms = [room for folder in folders for room in _rooms(folder)]
    of_version = [room for room in rooms if room.name in _spellings(want.folder)]
    shared = [room for room in rooms if not want.beside or _holds(room, want.beside)]
    for room in (*of_version, *shared):
        for name in names:
            if (room / name).is_file():
                return room / name
    return None


def _rooms(folder: Path) -> tuple[Path, ...]:
    return (folder, *sorted(each for each in _entries(folder) if each.is_dir()))


def _holds(room: Path, names: Sequence[str]) -> bool:
    return any((room / name).is_file() for name in names)


def _spellings(folder: str) -> frozenset[str]:
    """A version as it may stand on a medium: `+` is often quoted or replaced."""
    spelt = {folder.replace("+", sign) for sign in ("+", "%2B", "-", "_")}
    return frozenset(spelt - {""})


def import_file(
    path: Path,
    want: Wanted,
    accepted: tuple[Digest, ...],
    depot: Depot,
    *,
    now: float,
    origin: Origin = Origin.UPSTREAM,
    progress: Progress = silent,
) -> DepotFile:
    """Copy a file into the depot if its digest is one of `accepted` (empty: at first use).

    Raises ArtifactError for a wrong checksum (nothing is kept), an unreadable source and a full
    disk.
    """
    part = depot.incoming / f"{plain_name(want.name)}.part"
    part.with_name(part.name + ".json").unlink(missing_ok=True)
    algorithm = accepted[0].algorithm if accepted else "sha256"
    try:
        got = _copy(path, part, algorithm, want.name, progress)
        if accepted and not any(got.matches(each) for each in accepted):
            raise wrong_checksum(want, accepted, got)
        return depot.admit(part, want.name, got, origin=origin, source=str(path), now=now)
    finally:
        part.unlink(missing_ok=True)


def _entries(folder: Path) -> tuple[Path, ...]:
    try:
        return tuple(folder.iterdir())
    except OSError as error:
        raise ArtifactError(
            "the folder to import from cannot be read",
            where=str(folder),
            why=error,
            fix="is the medium plugged in and mounted, and may this user read it?",
        ) from error


def _copy(path: Path, part: Path, algorithm: str, name: str, progress: Progress) -> Digest:
    state, done = hashlib.new(algorithm), 0
    try:
        with _source(path) as source, part.open("wb") as copy:
            size = os.fstat(source.fileno()).st_size
            if shutil.disk_usage(part.parent).free < size + SPARE_OCTETS:
                raise full_disk(part, name, size)
            while block := source.read(READ_SIZE):
                state.update(block)
                copy.write(block)
                done += len(block)
                progress(name, done, size)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise full_disk(part, name, None) from error
        raise ArtifactError(
            f"{name} cannot be read",
            where=str(path),
            why=error,
            fix="is the medium damaged? copy it again",
        ) from error
    return Digest(algorithm, state.hexdigest())


def _source(path: Path) -> BinaryIO:
    handle = os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
    if not stat.S_ISREG(os.fstat(handle.fileno()).st_mode):
        handle.close()
        raise OSError(errno.EINVAL, "it is not a file")
    return handle
