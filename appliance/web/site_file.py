"""The site file behind the forms: read as it is, changed in place, never overwritten unseen.

`site.yaml` is the only truth. A form carries the SHA-256 of the file that it was made from; where
the file is another by then, nothing is written and what changed is said.
"""

from __future__ import annotations

import copy
import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from tempfile import TemporaryDirectory

from appliance.errors import BridgeheadError, InputError, Problem, SiteFileError, StaleError
from appliance.flow.looking import look_at
from appliance.paths import Paths
from appliance.site.load import load_text, model_at
from appliance.site.model import Site
from appliance.site.places import Path, path_text
from appliance.site.plan import Plan
from appliance.site.yaml_edit import rewritten
from appliance.site.yaml_text import MAX_OCTETS, Value, read_yaml
from appliance.tools.whole_file import whole

Changes = Mapping[Path, Value | None]
"""New values by their paths; None takes a key out."""

NAMED: tuple[Path, ...] = (("networks",), ("vms",), ("images",), ("hypervisor", "machines"))
"""Maps whose keys are names that people chose: an empty entry says something too."""
_REMEMBERED = 32
"""Texts that open pages may have been made from."""
_BOM = "\ufeff"
_COUNTED = tuple(f"-{number}" for number in range(2, 1000))


@dataclass(frozen=True, slots=True)
class Seen:
    """The file as it was read. `digest` names its octets; `data` is empty where it says nothing."""

    text: str
    digest: str
    data: dict[str, Value]
    syntax: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the command would say of a text: its problems, or its plan.

    `refusal` is why no plan could be worked out though the text is right: the laptop's matter.
    """

    problems: tuple[Problem, ...] = ()
    plan: Plan | None = None
    refusal: BridgeheadError | None = None


@dataclass(frozen=True, slots=True)
class Changed:
    """One value that is another now. An empty text: it was not there, or is no more."""

    key: str
    was: str
    now: str


class SiteFile:
    """One site file. Safe to use from any thread."""

    def __init__(self, path: FilePath, paths: Paths) -> None:
        self.path = path
        self._paths = paths
        self._alone = threading.RLock()
        self._known: OrderedDict[str, str] = OrderedDict()

    def read(self) -> Seen:
        """Read the file; one that is not there yet says nothing. Raises InputError."""
        octets = self._octets()
        text = _text(octets, str(self.path))
        seen = _seen(text, octets, str(self.path))
        with self._alone:
            self._known[seen.digest] = text
            self._known.move_to_end(seen.digest)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return seen

    def _octets(self) -> bytes:
        try:
            with self.path.open("rb") as stream:
                octets = stream.read(MAX_OCTETS + 1)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise InputError(
                "the site file cannot be read", where=str(self.path), why=str(error.strerror)
            ) from error
        return octets

    def judge(self, text: str) -> Verdict:
        """Judge a text as `provision plan` would, with all that is frozen; write nothing."""
        try:
            load_text(text.removeprefix(_BOM), str(self.path))
        except SiteFileError as error:
            return Verdict(error.problems)
        return self._against_what_is_built(text)

    def _against_what_is_built(self, text: str) -> Verdict:
        with TemporaryDirectory(prefix="bridgehead-") as folder:
            draft = FilePath(folder) / "site.yaml"
            draft.write_text(text, encoding="utf-8", newline="")
            try:
                return Verdict(plan=look_at(draft, self._paths).plan)
            except SiteFileError as error:
                own = tuple(replace(each, file=str(self.path)) for each in error.problems)
                return Verdict(own)
            except BridgeheadError as error:
                return Verdict(refusal=error)

    def save(
        self,
        digest: str,
        changes: Callable[[Seen], Changes],
        allow: Callable[[Verdict, Verdict], None],
    ) -> Seen:
        """Change the file that `digest` names; give it as it is then.

        `allow` is given the verdicts before and after, and raises where it must not be. Raises
        StaleError where the file is another one, InputError where it cannot be changed in place.
        """
        with self._alone:
            seen = self._as_shown(digest)
            text = self.try_out(seen, changes(seen), allow)
            if text == seen.text:
                return seen
            self._write(text)
            return self.read()

    def take(self, digest: str, octets: bytes, *, agreed: bool, stamp: str) -> FilePath | None:
        """Put another file in the place of the one that `digest` names; give where that is kept.

        None where nothing was there, or the very same. Raises SiteFileError with all that the
        command would refuse, InputError for what is no text, is too large, or would take the place
        of a file without `agreed`, StaleError where the file is another one by now.
        """
        text = _text(octets, "the file that was chosen")
        verdict = self.judge(text)
        if verdict.problems:
            raise SiteFileError(verdict.problems)
        if isinstance(verdict.refusal, InputError):
            raise verdict.refusal
        with self._alone:
            seen = self._as_shown(digest)
            if text == seen.text:
                return None
            if not seen.text.strip():
                self._write(text)
                return None
            if not agreed:
                raise InputError(
                    "there is a site file already",
                    where="replace",
                    why=str(self.path),
                    fix="tick the box to put the new one in its place; the old one is kept beside",
                )
            kept = _free(self.path.resolve(), f".before-{stamp}")
            self._write(seen.text, kept)
            self._write(text)
            return kept

    def _as_shown(self, digest: str) -> Seen:
        """Read the file. Raises StaleError where it is not the one that `digest` names."""
        seen = self.read()
        if digest != seen.digest:
            raise StaleError(
                "the site file was changed meanwhile; nothing was saved",
                where=str(self.path),
                why="; ".join(
                    f"{each.key}: {each.was or 'unsaid'} → {each.now or 'unsaid'}"
                    for each in self.changed_since(digest, seen)
                ),
                fix="look at it as it is now, and say again what you want",
            )
        return seen

    def try_out(
        self, seen: Seen, changes: Changes, allow: Callable[[Verdict, Verdict], None]
    ) -> str:
        """Give the text with the changes, as `save` would write it; nothing is written."""
        if seen.syntax and not seen.data:
            raise SiteFileError(seen.syntax)
        wanted = applied(seen.data, changes)
        if wanted == seen.data:
            return seen.text
        bare = seen.text.removeprefix(_BOM)
        text = (_BOM if bare != seen.text else "") + rewritten(bare, wanted)
        allow(self.judge(seen.text), self.judge(text))
        return text

    def changed_since(self, digest: str, seen: Seen) -> tuple[Changed, ...]:
        """Say what is other than in the file of that digest, as far as it is still known."""
        before = self._known.get(digest)
        if before is None:
            return (Changed("what", "not known any more", "see the file"),)
        was = dict(_leaves(_seen(before, before.encode(), "").data))
        now = dict(_leaves(seen.data))
        keys = [*was, *(key for key in now if key not in was)]
        found = tuple(
            Changed(key, was.get(key, ""), now.get(key, ""))
            for key in keys
            if was.get(key) != now.get(key)
        )
        return found or (Changed("its remarks or layout", "as they were", "as they are"),)

    def _write(self, text: str, beside: FilePath | None = None) -> None:
        """Put the text in the file's place whole, or `beside` it, with its own mode and owner."""
        own = self.path.resolve()
        target = beside or own
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with whole(target) as stream:
                stream.write(text.encode())
                _like(stream.fileno(), own)
        except OSError as error:
            raise InputError(
                "the site file cannot be written",
                where=str(self.path),
                why=str(error.strerror or error),
                fix="see the permissions of its folder",
            ) from error


def _text(octets: bytes, where: str) -> str:
    if len(octets) > MAX_OCTETS:
        raise InputError("the file is larger than 1 MiB", where=where, why="no site file is")
    try:
        return octets.decode()
    except UnicodeDecodeError:
        raise InputError(
            "the file is not UTF-8 text", where=where, fix="save it as UTF-8"
        ) from None


def _free(path: FilePath, ending: str) -> FilePath:
    """Name a file beside another that is not there yet."""
    names = (path.with_name(f"{path.name}{ending}{more}") for more in ("", *_COUNTED))
    return next(each for each in names if not each.exists())


def _like(descriptor: int, target: FilePath) -> None:
    try:
        was = target.stat()
    except FileNotFoundError:
        os.fchmod(descriptor, 0o644)
        return
    with suppress(PermissionError):  # only root gives files away
        os.fchown(descriptor, was.st_uid, was.st_gid)
    os.fchmod(descriptor, was.st_mode & 0o777)


def _seen(text: str, octets: bytes, file: str) -> Seen:
    read = read_yaml(text.removeprefix(_BOM), file)
    syntax = read.places.problems(read.findings)
    data = read.data if isinstance(read.data, dict) else {}
    return Seen(text, hashlib.sha256(octets).hexdigest(), data, syntax)


def _leaves(value: Value, path: Path = ()) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _leaves(each, (*path, key))
    elif isinstance(value, list):
        yield path_text(path), ", ".join(str(each) for each in value)
    elif path:
        yield path_text(path), value if isinstance(value, str) else "{}"


# ---------------------------------------------------------------- changes of plain values


def value_at(data: Value, path: Path) -> Value | None:
    """Give what stands at a path; None where nothing does."""
    for part in path:
        if not isinstance(data, dict) or part not in data:
            return None
        data = data[str(part)]
    return data


def applied(data: Mapping[str, Value], changes: Changes) -> dict[str, Value]:
    """Give the data with the changes. A map that a change leaves empty goes too."""
    changed: dict[str, Value] = copy.deepcopy(dict(data))
    for path, value in changes.items():
        if value is None:
            _take_out(changed, path)
        else:
            _put(changed, path, value)
    return changed


def _put(data: dict[str, Value], path: Path, value: Value) -> None:
    holder = data
    for depth, part in enumerate(path[:-1]):
        if not isinstance(holder.get(str(part)), dict):
            _insert(holder, path[:depth], str(part), {})
        inner = holder[str(part)]
        if isinstance(inner, dict):
            holder = inner
    _insert(holder, path[:-1], str(path[-1]), value)


def _insert(holder: dict[str, Value], path: Path, key: str, value: Value) -> None:
    """Put a key where the docs have it among its siblings, or leave it where it is."""
    if key in holder:
        holder[key] = value
        return
    model = None if path in NAMED else (model_at(path) if path else Site)
    order = list(model.model_fields) if model else []
    before = order[: order.index(key)] if key in order else list(holder)
    behind = max((list(holder).index(each) for each in before if each in holder), default=-1)
    entries = list(holder.items())
    entries.insert(behind + 1, (key, value))
    holder.clear()
    holder.update(entries)


def _take_out(data: dict[str, Value], path: Path) -> None:
    holder = value_at(data, path[:-1])
    if not isinstance(holder, dict) or path[-1] not in holder:
        return
    del holder[str(path[-1])]
    if not holder and len(path) > 1 and path[:-2] not in NAMED and path[:-1] not in NAMED[-1:]:
        _take_out(data, path[:-1])
