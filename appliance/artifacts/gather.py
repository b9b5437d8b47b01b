"""All that a plan wants, brought into the depot: kept if good, else imported, else downloaded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from appliance.artifacts.catalog import Wanted, accepted_digests
from appliance.artifacts.depot import Depot, DepotFile, Origin, Progress, silent
from appliance.artifacts.fetch import Fetcher
from appliance.artifacts.importing import find_in, import_file
from appliance.artifacts.sums import MAX_LIST_OCTETS, SumList, parse_sums
from appliance.errors import ArtifactError
from appliance.values import Digest


class How(StrEnum):
    """What was done to have a file."""

    KEPT = "kept"
    IMPORTED = "imported"
    FETCHED = "fetched"


@dataclass(frozen=True, slots=True)
class Gathered:
    """A file that is now in the depot, and how it came there."""

    file: DepotFile
    how: How


@dataclass(frozen=True, slots=True)
class Sources:
    """Where files may come from. Without `fetcher` nothing is downloaded.

    `stand_ins` marks all that is imported as made for a rehearsal.
    """

    folder: Path | None = None
    fetcher: Fetcher | None = None
    stand_ins: bool = False


def gather(
    wants: Iterable[Wanted],
    depot: Depot,
    sources: Sources,
    *,
    now: float,
    progress: Progress = silent,
) -> tuple[Gathered, ...]:
    """Bring every wanted file into the depot, in order. Raises ArtifactError at the first fault.

    Wanted lists of checksums must stand before the files they vouch for. Running again keeps what
    is there. That each Harvester file matches the one list of its version also proves that all
    are of one version.
    """
    lists: dict[str, SumList] = {}
    done = []
    for want in wants:
        gathered = _one(want, accepted_digests(want, lists), depot, sources, now, progress)
        done.append(gathered)
        if want.name.endswith((".sha512", ".sha256")):
            lists[want.name] = _read_list(depot, want.name)
    return tuple(done)


def _one(
    want: Wanted,
    accepted: tuple[Digest, ...],
    depot: Depot,
    sources: Sources,
    now: float,
    progress: Progress,
) -> Gathered:
    kept = _kept(want, accepted, depot, progress)
    if kept is not None:
        return Gathered(kept, How.KEPT)
    here = find_in(sources.folder, want.name) if sources.folder is not None else None
    origin = Origin.STAND_IN if sources.stand_ins else Origin.UPSTREAM
    if here is None and not want.is_remote and Path(want.source).is_file():
        here, origin = Path(want.source), Origin.PACKAGE
    if here is not None:
        file = import_file(here, want, accepted, depot, now=now, origin=origin, progress=progress)
        return Gathered(file, How.IMPORTED)
    if want.is_remote and sources.fetcher is not None:
        return Gathered(sources.fetcher.fetch(want, accepted, now), How.FETCHED)
    raise _nowhere(want, sources)


def _kept(
    want: Wanted, accepted: tuple[Digest, ...], depot: Depot, progress: Progress
) -> DepotFile | None:
    file = depot.get(want.name)
    if file is None or (accepted and not any(file.digest.matches(each) for each in accepted)):
        return None
    try:
        return depot.verify_again((want.name,), progress=progress)[0]
    except ArtifactError:
        return None  # gone or changed: it is brought anew


def _read_list(depot: Depot, name: str) -> SumList:
    with depot.open_by_name(name) as handle:
        raw = handle.read(MAX_LIST_OCTETS + 1)
    if len(raw) > MAX_LIST_OCTETS:
        depot.forget(name)
        raise ArtifactError(
            "the list of checksums cannot be used", where=name, why="it is too long"
        )
    try:
        return parse_sums(name, raw.decode("utf-8", "replace"))
    except ArtifactError:
        depot.forget(name)  # so that the next run brings it anew
        raise


def _nowhere(want: Wanted, sources: Sources) -> ArtifactError:
    looked = [f"in {sources.folder}"] if sources.folder is not None else []
    if not want.is_remote:
        return ArtifactError(
            f"{want.name} is missing",
            where=want.source,
            why="it is not installed" + (f" and not {looked[0]}" if looked else ""),
            fix="install the package 'ipxe' on this laptop",
        )
    return ArtifactError(
        f"{want.name} is missing",
        where=str(sources.folder or want.source),
        why=f"it is not {looked[0]}" if looked else "nothing may be downloaded here",
        fix=f"bring it from {want.source}: 'provision fetch SITE' where there is Internet",
    )
