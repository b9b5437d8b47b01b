"""All that a plan wants, brought into the depot: kept if good, else imported, else downloaded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from appliance import advice
from appliance.artifacts.catalog import Trust, Wanted, accepted_digests
from appliance.artifacts.depot import Depot, DepotFile, Origin, Progress, silent
from appliance.artifacts.fetch import Fetcher
from appliance.artifacts.importing import find_wanted, import_file
from appliance.artifacts.signature import check_signature
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
    """A file that is now in the depot, how it came there, and what vouches for it."""

    file: DepotFile
    how: How
    trust: Trust


@dataclass(frozen=True, slots=True)
class Sources:
    """Where files may come from: folders, in this order, then `fetcher`.

    Without `fetcher` nothing is downloaded. `stand_ins` marks all that is imported as made for a
    rehearsal, but for the names in `built`: upstream's own source, built here. With `keyring`,
    lists that upstream signs must be signed.
    """

    folders: tuple[Path, ...] = ()
    fetcher: Fetcher | None = None
    stand_ins: bool = False
    keyring: Path | None = None
    built: Collection[str] = ()

    def origin(self, name: str) -> Origin:
        """Say what an imported file is."""
        if not self.stand_ins:
            return Origin.UPSTREAM
        return Origin.BUILT if name in self.built else Origin.STAND_IN


def gather(
    wants: Iterable[Wanted],
    depot: Depot,
    sources: Sources,
    *,
    now: float,
    progress: Progress = silent,
) -> tuple[Gathered, ...]:
    """Bring every wanted file into the depot, in order.

    Raises ArtifactError at the first file that is damaged or cannot be fetched; at the end, for all
    that are nowhere: what was there is in the depot then.

    Wanted lists of checksums must stand before the files they vouch for, signatures before what
    they sign. Running again keeps what is there. That each Harvester file matches the one list of
    its version also proves that all are of one version. What is not needed, and nowhere, is passed
    over.
    """
    wants = tuple(wants)
    vouched = {want.sums: want.published_as for want in wants if want.sums is not None}
    lists: dict[str, SumList] = {}
    done: list[Gathered] = []
    nowhere: set[str] = set()
    for want in wants:
        if want.sums in nowhere:
            continue  # nothing vouches for it
        gathered = _one(want, accepted_digests(want, lists), depot, sources, now, progress)
        if gathered is None:
            nowhere.add(want.name)
            continue
        if want.signature is not None and sources.keyring is not None:
            _check_signed(want, depot, sources.keyring)
            gathered = replace(gathered, trust=Trust.SIGNED)
        if want.name in vouched:
            lists[want.name] = _read_list(depot, want.name, vouched[want.name])
        done.append(gathered)
    if lacking := [each for each in wants if each.needed and _lacks(each, nowhere, depot, sources)]:
        raise _nowhere(lacking, sources)
    return tuple(done)


def _lacks(want: Wanted, nowhere: Collection[str], depot: Depot, sources: Sources) -> bool:
    """Say whether the file itself is missing, and not only the list that vouches for it."""
    if want.sums in nowhere:
        return depot.get(want.name) is None and _here(want, sources) is None
    return want.name in nowhere


def _one(
    want: Wanted,
    accepted: tuple[Digest, ...],
    depot: Depot,
    sources: Sources,
    now: float,
    progress: Progress,
) -> Gathered | None:
    """Bring one file; None where it is nowhere."""
    kept = _kept(want, accepted, depot, progress)
    if kept is not None:
        return Gathered(kept, How.KEPT, want.trust)
    found = _here(want, sources)
    if found is not None:
        here, origin = found
        try:
            file = import_file(
                here, want, accepted, depot, now=now, origin=origin, progress=progress
            )
        except ArtifactError:
            if want.needed or want.trust is not Trust.RECORDED or origin is not Origin.PACKAGE:
                raise
            return None  # another build than the recorded: what need not be there is not
        return Gathered(file, How.IMPORTED, want.trust)
    if want.is_remote and sources.fetcher is not None and not want.import_only:
        fetch = sources.fetcher.fetch if want.needed else sources.fetcher.fetch_if_there
        fetched = fetch(want, accepted, now)
        return None if fetched is None else Gathered(fetched, How.FETCHED, want.trust)
    return None


def _here(want: Wanted, sources: Sources) -> tuple[Path, Origin] | None:
    """Find a file in the folders, else where a package of this system has it."""
    here = find_wanted(sources.folders, want)
    if here is not None:
        return here, sources.origin(want.name)
    if not want.is_remote and want.source and Path(want.source).is_file():
        return Path(want.source), Origin.PACKAGE
    return None


def _check_signed(want: Wanted, depot: Depot, keyring: Path) -> None:
    if want.signature is None or depot.get(want.signature) is None:
        raise ArtifactError(
            f"the signature of {want.name} is missing",
            where=str(want.signature),
            why=f"there is a keyring, {keyring}, and nothing to check with it",
            fix=f"put upstream's {want.published_as}.gpg beside the list, or take the keyring away",
        )
    try:
        check_signature(depot.path_of(want.name), depot.path_of(want.signature), keyring)
    except ArtifactError:
        depot.forget(want.name)
        depot.forget(want.signature)  # so that the next run brings both anew
        raise


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


def _read_list(depot: Depot, name: str, of: str) -> SumList:
    with depot.open_by_name(name) as handle:
        raw = handle.read(MAX_LIST_OCTETS + 1)
    if len(raw) > MAX_LIST_OCTETS:
        depot.forget(name)
        raise ArtifactError(
            "the list of checksums cannot be used", where=name, why="it is too long"
        )
    try:
        return parse_sums(name, raw.decode("utf-8", "replace"), of=of)
    except ArtifactError:
        depot.forget(name)  # so that the next run brings it anew
        raise


def _nowhere(wants: Sequence[Wanted], sources: Sources) -> ArtifactError:
    folders = " and ".join(str(each) for each in sources.folders)
    if len(wants) == 1:
        return _one_nowhere(wants[0], folders)
    return ArtifactError(
        f"{len(wants)} files are missing",
        where=folders,
        why=[_listed(each) for each in wants],
        fix=f"bring them from there{advice.with_internet()}",
    )


def _called(want: Wanted) -> str:
    upstream = want.published_as
    return want.name if upstream == want.name else f"{want.name} ({upstream} upstream)"


def _listed(want: Wanted) -> str:
    if not want.source:
        return f"{_called(want)}, which is only imported from a folder"
    place = f"from {want.source}" if want.is_remote else "of the package 'ipxe'"
    return f"{want.name}, {place}"


def _one_nowhere(want: Wanted, folders: str) -> ArtifactError:
    looked = f"in {folders}" if folders else ""
    what = f"{_called(want)} is missing"
    if not want.source:
        return ArtifactError(
            what,
            where=folders or want.name,
            why=f"it is not {looked}" if looked else "the site file says no URL for it",
            fix=advice.import_from_folder(),
        )
    if not want.is_remote:
        return ArtifactError(
            what,
            where=want.source,
            why="it is not installed" + (f" and not {looked}" if looked else ""),
            fix="install the package 'ipxe' on this laptop",
        )
    return ArtifactError(
        what,
        where=folders or want.source,
        why=f"it is not {looked}" if looked else "nothing may be downloaded here",
        fix=f"bring it from {want.source}{advice.with_internet()}",
    )
