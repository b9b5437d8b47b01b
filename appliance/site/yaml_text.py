"""YAML text to plain maps, lists and texts, with the place of every key and value.

Only here is a YAML library known. Its events are read, not its objects: so duplicate keys are all
found in one pass, a scalar stays the text that was written, and nothing can be constructed.
Anchors and tags have no use in a site file and are refused, which ends alias bombs as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StreamMark
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)
from ruamel.yaml.reader import ReaderError

from appliance.site.places import Finding, Mark, Path, Places

MAX_OCTETS = 2**20
MAX_DEPTH = 16
MAX_EVENTS = 100_000

Value = dict[str, "Value"] | list["Value"] | str

_NULLS = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class YamlText:
    """A document read. `data` is None where there is none; `findings` are its syntax problems."""

    data: Value | None
    places: Places
    findings: tuple[Finding, ...]


def read_yaml(text: str, file: str) -> YamlText:
    """Read one YAML 1.2 document. Never raises: what is wrong is among the findings."""
    reader = _Reader()
    data: Value | None = None
    try:
        data = reader.document(text)
    except _StopReading:
        pass
    except MarkedYAMLError as error:
        mark = _mark(error.problem_mark or error.context_mark)
        what = ", ".join(str(each) for each in (error.context, error.problem) if each)
        reader.stop(mark, f"this is no YAML: {_one_line(what)}", _syntax_fix(what))
    except ReaderError as error:
        reader.stop(
            _mark_at(text, error.position),
            f"this is no YAML: unacceptable character {_one_line(str(error.character))}",
            "take the character out",
        )
    except Exception as error:  # noqa: BLE001  # ruamel lets others out: "\UFFFFFFFF" is an OverflowError
        reader.stop(Mark(1, 1), f"this is no YAML: {_one_line(str(error))}", "write plain YAML")
    places = Places(file, reader.values, reader.keys)
    return YamlText(None if reader.stopped else data, places, tuple(reader.findings))


class _StopReading(Exception):  # noqa: N818  # not an error: the finding is already noted
    """Reading on would be of no use, or not safe."""


@dataclass(slots=True)
class _Reader:
    values: dict[Path, Mark] = field(default_factory=dict)
    keys: dict[Path, Mark] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    stopped: bool = False

    def document(self, text: str) -> Value | None:
        events = self._bounded(YAML(typ="safe", pure=True).parse(text))
        data: Value | None = None
        seen = False
        for event in events:
            if isinstance(event, DocumentStartEvent):
                if seen:
                    self._stop_at(event, "a second document begins", "keep one site in one file")
                seen = True
            elif isinstance(event, MappingStartEvent | SequenceStartEvent | ScalarEvent):
                data = self._value((), event, events)
            elif isinstance(event, AliasEvent):
                self._refuse_alias(event)
        return data

    def stop(self, mark: Mark, what: str, fix: str) -> None:
        """Note what ended the reading."""
        self.findings.append(Finding((), what, fix, mark=mark))
        self.stopped = True

    def _bounded(self, events: Iterator[Event]) -> Iterator[Event]:
        depth = 0
        for count, event in enumerate(events):
            if isinstance(event, MappingStartEvent | SequenceStartEvent):
                depth += 1
            elif isinstance(event, CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH:
                self._stop_at(
                    event, f"nested more than {MAX_DEPTH} deep", "a site file needs 6 levels"
                )
            if count > MAX_EVENTS:
                self._stop_at(event, f"more than {MAX_EVENTS} values", "split the site")
            yield event

    def _stop_at(self, event: Event, what: str, fix: str) -> None:
        self.stop(_mark(event.start_mark), what, fix)
        raise _StopReading

    def _refuse_alias(self, event: AliasEvent) -> None:
        self._stop_at(
            event, f"*{event.anchor} repeats another value", "write the value out: no anchors here"
        )

    def _value(self, path: Path, event: Event, events: Iterator[Event]) -> Value | None:
        self.values[path] = _mark(event.start_mark)
        anchor, tag = getattr(event, "anchor", None), getattr(event, "tag", None)
        if isinstance(event, AliasEvent):
            self._refuse_alias(event)
        if anchor:
            self._stop_at(event, f"&{anchor} names a value", "write values out: no anchors here")
        if tag:
            self._stop_at(event, f"the tag {tag} has no meaning here", "leave it out")
        if isinstance(event, MappingStartEvent):
            return self._map(path, events)
        if isinstance(event, SequenceStartEvent):
            return self._list(path, events)
        if isinstance(event, ScalarEvent):
            return self._scalar(path, event)
        raise _StopReading

    def _scalar(self, path: Path, event: ScalarEvent) -> str | None:
        value = str(event.value)
        if event.implicit[0] and value in _NULLS:
            if path:
                fix = "write a value, or leave the key out"
                # ruamel gives an empty value the place of whatever follows it.
                mark = self.keys.get(path) or _mark(event.start_mark)
                self.findings.append(Finding(path, "no value is written", fix, mark=mark))
            return None
        return value

    def _map(self, path: Path, events: Iterator[Event]) -> dict[str, Value]:
        data: dict[str, Value] = {}
        for event in events:
            if isinstance(event, CollectionEndEvent):
                return data
            if not isinstance(event, ScalarEvent) or event.tag or event.anchor:
                self._stop_at(event, "a key must be one word", "write key: value")
            key = str(event.value) if isinstance(event, ScalarEvent) else ""
            here = (*path, key)
            first = self.keys.get(here)
            if first is not None:
                self._duplicate(here, event, first, events)
                continue
            self.keys[here] = _mark(event.start_mark)
            value = self._value(here, next(events), events)
            if value is not None:
                data[key] = value
        return data

    def _duplicate(self, path: Path, event: Event, first: Mark, events: Iterator[Event]) -> None:
        what = f"the key stands here again; it is first at line {first.line}"
        mark = _mark(event.start_mark)
        self.findings.append(Finding(path, what, "keep one of the two", mark=mark))
        depth = 0
        for skipped in events:
            depth += isinstance(skipped, MappingStartEvent | SequenceStartEvent)
            depth -= isinstance(skipped, CollectionEndEvent)
            if depth == 0:
                return

    def _list(self, path: Path, events: Iterator[Event]) -> list[Value]:
        data: list[Value] = []
        for event in events:
            if isinstance(event, CollectionEndEvent):
                break
            value = self._value((*path, len(data)), event, events)
            if value is not None:
                data.append(value)
        return data


def _mark(mark: StreamMark | None) -> Mark:
    return Mark(mark.line + 1, mark.column + 1) if mark is not None else Mark(1, 1)


def _mark_at(text: str, position: int) -> Mark:
    before = text[:position]
    return Mark(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]


def _syntax_fix(what: str) -> str:
    if "\\t" in what or "tab" in what:
        return "indent with spaces, not tabs"
    if "mapping values are not allowed" in what:
        return "put the value in quotes, or its key on a line of its own"
    if "found another document" in what:
        return "keep one site in one file"
    return "see the line and the one before: indentation, quotes and brackets"
