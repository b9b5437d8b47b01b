"""The files of a site as page 2 shows them: what is needed, what is here, how far a fetch is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from appliance.artifacts.catalog import Trust, Wanted
from appliance.artifacts.depot import Depot, DepotFile
from appliance.site.artifact_names import STAGE1_FILES
from appliance.tools.words import duration, size
from appliance.web.progress import Fault
from appliance.web.sticks import Stick

TRUST_WORDS: Mapping[Trust, str] = {
    Trust.SUMS: "as upstream's list of checksums says",
    Trust.SIGNED: "signed by upstream",
    Trust.RECORDED: "a build that we know",
    Trust.GIVEN: "as the site file says",
    Trust.BUILT: "built on this computer",
    Trust.FIRST_USE: "taken as it came: nothing vouches for it but its source",
}


class FileState(StrEnum):
    """Where a wanted file stands. `WANTED` is missing too, but a run begins without it."""

    VERIFIED = "verified"
    CHANGED = "changed"
    MISSING = "missing"
    WANTED = "wanted"
    OPTIONAL = "optional"


_RANKS = (
    FileState.MISSING,
    FileState.CHANGED,
    FileState.WANTED,
    FileState.VERIFIED,
    FileState.OPTIONAL,
)


@dataclass(frozen=True, slots=True)
class FileView:
    """One file. `octets` is None for one that is not here."""

    name: str
    why: str
    state: FileState
    octets: int | None
    digest: str
    trust: str
    stand_in: bool

    @property
    def rank(self) -> int:
        """Where it stands among others: first what lacks, last what is optional."""
        return _RANKS.index(self.state)


@dataclass(frozen=True, slots=True)
class Fetching:
    """A fetch that goes on: the file at hand, and what is measured of it."""

    file: str
    done: int
    total: int | None
    rate: float | None
    left: float | None

    @property
    def text(self) -> str:
        """All that is known of it in one line."""
        if not self.file:
            return "it begins"
        of = f" of {size(self.total)}" if self.total else ""
        parts = [f"{self.file}: {size(self.done)}{of}"]
        if self.rate:
            parts.append(f"{size(int(self.rate))}/s")
        if self.left is not None:
            parts.append(f"{duration(self.left)} left for this file")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class StockView:
    """All files of a site. `missing` names those without which no run begins.

    `sticks` are the media in this laptop from which files may be brought. `unheard` names the
    machines that cannot say what they are: our small Linux is missing, and the site file does not
    tell them.
    """

    files: tuple[FileView, ...]
    missing: tuple[str, ...]
    octets: int
    fetching: Fetching | None
    error: Fault | None
    sticks: tuple[Stick, ...] = ()
    unheard: tuple[str, ...] = ()


def stock_view(
    wants: Sequence[Wanted],
    depot: Depot,
    *,
    fetching: Fetching | None = None,
    error: Mapping[str, Any] | None = None,
    media: tuple[Stick, ...] = (),
    untold: tuple[str, ...] = (),
) -> StockView:
    """Look at the depot. Nothing is read in full: that is done when a run begins.

    `untold` names the machines of which nobody has said which box they are, or which disk.

    Raises ArtifactError if the depot cannot be read.
    """
    kept = {each.name: each for each in depot.files()}
    advised = STAGE1_FILES if untold else ()
    files = tuple(
        _file(want, kept.get(want.name), depot, advised=want.name in advised) for want in wants
    )
    bad = (FileState.MISSING, FileState.CHANGED)
    return StockView(
        files=files,
        missing=tuple(each.name for each in files if each.state in bad),
        octets=sum(each.octets or 0 for each in files),
        fetching=fetching,
        error=None if error is None else fault(error),
        sticks=media,
        unheard=untold if any(each.state is FileState.WANTED for each in files) else (),
    )


def _file(want: Wanted, kept: DepotFile | None, depot: Depot, *, advised: bool) -> FileView:
    optional = FileState.WANTED if advised else FileState.OPTIONAL
    state = FileState.MISSING if want.needed else optional
    if kept is not None:
        same = _is_same(kept, depot.path_of(kept.name))
        state = FileState.VERIFIED if same else FileState.CHANGED
    return FileView(
        name=want.name,
        why=want.why,
        state=state,
        octets=kept.size if kept else None,
        digest=str(kept.digest) if kept else "",
        trust=TRUST_WORDS[want.trust],
        stand_in=kept is not None and kept.origin.value == "stand-in",
    )


def _is_same(kept: DepotFile, path: Path) -> bool:
    try:
        seen = os.lstat(path)
    except OSError:
        return False
    return (seen.st_ino, seen.st_mtime_ns, seen.st_size) == (kept.inode, kept.mtime_ns, kept.size)


def fetching_of(said: Sequence[Mapping[str, Any]], seconds: float) -> Fetching:
    """Read how far a fetch is from what it said in so many seconds."""
    name, done, total, brought = "", 0, None, 0
    for each in said:
        data = each.get("data")
        if not isinstance(data, dict):
            continue
        with suppress(KeyError, TypeError, ValueError):
            if each.get("kind") == "artifact":
                brought += 0 if data["how"] == "kept" else int(data["size"])
                name, done, total = "", 0, None
            elif each.get("kind") == "progress":
                name, done = str(data["name"]), int(data["done"])
                total = None if data.get("total") is None else int(data["total"])
    rate = (brought + done) / seconds if seconds > 0 and brought + done > 0 else None
    left = (total - done) / rate if rate and total is not None else None
    return Fetching(name, done, total, rate, left)


def fault(error: Mapping[str, Any]) -> Fault:
    """Read an error as the command printed it."""
    said = {key: str(error.get(key, "")) for key in ("code", "what", "where", "why", "fix")}
    problems = error.get("problems")
    if isinstance(problems, list) and problems:
        said["why"] = "; ".join(map(str, problems))
    return Fault(**said)
