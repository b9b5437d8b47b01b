"""Changing a site file as people would: only what differs is written anew, all else stays.

Comments, order, blank lines and quotes of a file belong to whoever wrote it. So nothing is dumped:
the text is compared with the wanted values, one splice at a time, and what comes out is read
again and must say exactly what was wanted. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.events import (
    CollectionEndEvent,
    Event,
    MappingStartEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from appliance.errors import InputError
from appliance.site.yaml_text import Value, read_yaml

MAX_SPLICES = 2000
_PLAIN = re.compile(r"[^\s\-?:,\[\]{}#&*!|>'\"%@`](?:[^\n#:,\[\]{}]|:(?=[^\s,\[\]{}])|(?<=\S)#)*")
"""What needs no quotes, in a block or between brackets."""
_NULLS = ("~", "null", "Null", "NULL")
_FLOW_WIDTH = 70


@dataclass(slots=True)
class _Node:
    """A value in the text. `end` lies behind its last character, for a block's last value's."""

    start: int
    end: int
    text: str | None = None
    style: str = ""
    flow: bool = False
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    values: dict[str, _Node] = field(default_factory=dict)
    items: list[_Node] | None = None

    @property
    def is_map(self) -> bool:
        return self.text is None and self.items is None

    @property
    def is_unsaid(self) -> bool:
        return self.text is not None and not self.style and self.text in ("", *_NULLS)


@dataclass(frozen=True, slots=True)
class _Splice:
    start: int
    end: int
    text: str


def rewritten(text: str, wanted: Mapping[str, Value]) -> str:
    """Give the text changed so that it says `wanted`; where it does already, the very same.

    Raises InputError where the text is no map, or is written so that it cannot be changed in
    place: an anchor, a key given twice.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    before: object = None
    for _ in range(MAX_SPLICES):
        read = read_yaml(text, "site.yaml")
        if read.data is None and not text.strip():
            return newline.join([*_block(wanted, 0), ""])
        if read.data == wanted:
            return text
        if not isinstance(read.data, dict):
            raise _by_hand("this is no map of keys and values")
        if read.data == before:
            raise _by_hand("it is written in a way that no form can change")
        before = read.data
        root = _Reader(text).document()
        splice = next(_map_splices(_Place(text, newline, 0), root, wanted), None)
        if splice is None:
            raise _by_hand("it is written in a way that no form can change")
        text = text[: splice.start] + splice.text + text[splice.end :]
    raise _by_hand("too much of it would change at once")


def _by_hand(why: str) -> InputError:
    return InputError(
        "the site file cannot be changed here", why=why, fix="change it in an editor, then reload"
    )


# ---------------------------------------------------------------- where each value stands


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._events = iter(YAML(typ="safe", pure=True).parse(text))

    def document(self) -> _Node:
        for event in self._events:
            if isinstance(event, MappingStartEvent | SequenceStartEvent | ScalarEvent):
                return self._node(event)
        raise _by_hand("it says nothing")

    def _node(self, event: Event) -> _Node:
        start, end = event.start_mark.index, event.end_mark.index
        if isinstance(event, ScalarEvent):
            if event.style in ("|", ">"):
                end = start + len(self._text[start:end].rstrip())
            style = "" if event.implicit[0] and not event.style else (event.style or "'")
            return _Node(start, end, str(event.value), style)
        node = _Node(start, end, flow=bool(getattr(event, "flow_style", False)))
        if isinstance(event, SequenceStartEvent):
            node.items = []
        last = self._fill(node)
        node.end = last
        return node

    def _fill(self, node: _Node) -> int:
        last = node.end
        for event in self._events:
            if isinstance(event, CollectionEndEvent):
                return event.end_mark.index if node.flow else last
            if node.items is not None:
                node.items.append(self._node(event))
                last = node.items[-1].end
                continue
            key = str(getattr(event, "value", ""))
            if key in node.values:
                raise _by_hand(f"the key {key} stands in it twice")
            node.keys[key] = (event.start_mark.index, event.end_mark.index)
            value = self._node(next(self._events))
            node.values[key] = value
            if value.is_unsaid and value.start == value.end:
                # The parser gives an empty value the place of whatever follows it.
                value.start = value.end = self._text.index(":", event.end_mark.index) + 1
            last = value.end
        raise _by_hand("it ends too early")


# ---------------------------------------------------------------- what is to be spliced


@dataclass(frozen=True, slots=True)
class _Place:
    """The text around what is compared."""

    text: str
    newline: str
    depth: int

    def inner(self) -> _Place:
        return _Place(self.text, self.newline, self.depth + 1)

    def line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def line_end(self, at: int) -> int:
        """Behind the line's end, or the text's."""
        found = self.text.find("\n", at)
        return len(self.text) if found < 0 else found + 1

    def column(self, at: int) -> int:
        return at - self.line_start(at)

    def lines(self, at: int, lines: list[str]) -> _Splice:
        """Lines to be put in at the start of a line."""
        before = "" if at == 0 or self.text[at - 1] == "\n" else self.newline
        return _Splice(at, at, before + "".join(f"{each}{self.newline}" for each in lines))


def _splices(place: _Place, node: _Node, wanted: Value, key_end: int) -> Iterator[_Splice]:
    if isinstance(wanted, dict) and node.is_map:
        yield from _map_splices(place, node, wanted)
    elif isinstance(wanted, list) and node.items is not None:
        yield from _list_splices(place, node, wanted)
    elif isinstance(wanted, str) and node.text is not None:
        if node.text != wanted or node.is_unsaid:
            yield _Splice(node.start, node.end, _spaced(place, node, _scalar(wanted, node.style)))
    else:
        yield _Splice(key_end, node.end, f": {_flow(wanted)}")


def _spaced(place: _Place, node: _Node, text: str) -> str:
    return f" {text}" if place.text[node.start - 1 : node.start] == ":" else text


def _map_splices(place: _Place, node: _Node, wanted: Mapping[str, Value]) -> Iterator[_Splice]:
    for key, value in node.values.items():
        if key not in wanted:
            if not value.is_unsaid:
                yield _without(place, node, key, empty="{}")
        else:
            yield from _splices(place.inner(), value, wanted[key], node.keys[key][1])
    before: str | None = None
    for key, said in wanted.items():
        if key not in node.values:
            yield _added_key(place, node, before, key, said)
        before = key


def _added_key(place: _Place, node: _Node, before: str | None, key: str, value: Value) -> _Splice:
    if node.flow:
        entry = f"{_scalar(key)}: {_flow(value)}"
        return _added_between_brackets(
            node, node.values[before].end if before is not None else None, entry
        )
    column = place.column(next(iter(node.keys.values()))[0])
    lines = _block_entry(key, value, place.depth, column)
    if before is not None:
        return place.lines(place.line_end(node.values[before].end), lines)
    return place.lines(place.line_start(next(iter(node.keys.values()))[0]), lines)


def _added_between_brackets(node: _Node, at: int | None, entry: str) -> _Splice:
    if at is not None:
        return _Splice(at, at, f", {entry}")
    is_empty = not node.values and not node.items
    at = node.start + 1
    return _Splice(at, at, entry if is_empty else f"{entry}, ")


def _without(place: _Place, node: _Node, key: str, *, empty: str) -> _Splice:
    starts = {name: mark[0] for name, mark in node.keys.items()}
    spans = [(starts[name], value.end) for name, value in node.values.items()]
    return _cut(place, node, spans, list(node.values).index(key), empty)


def _cut(
    place: _Place, node: _Node, spans: list[tuple[int, int]], index: int, empty: str
) -> _Splice:
    start, end = spans[index]
    if node.flow:
        if len(spans) == 1:
            return _Splice(node.start, node.end, empty)
        if index == 0:
            following = spans[1][0]
            return _Splice(start, following, "")
        return _Splice(spans[index - 1][1], end, "")
    if len(spans) == 1:
        return _Splice(start, end, empty)
    first, behind = place.line_start(start), place.line_end(end)
    remark = place.text[end:behind].strip()
    line = place.text[first:behind]
    indent = line[: len(line) - len(line.lstrip())]
    kept = f"{indent}{remark}{place.newline}" if remark else ""
    return _Splice(first, behind, kept)


def _list_splices(place: _Place, node: _Node, wanted: list[Value]) -> Iterator[_Splice]:
    """One step towards the wanted list: what is in both keeps its line and its comment."""
    items = node.items or []
    if any(each.is_unsaid for each in items):
        raise _by_hand("an entry of a list says nothing")
    said = [each.text for each in items]
    alike = 0
    while alike < min(len(said), len(wanted)) and said[alike] == wanted[alike]:
        alike += 1
    rest, sought = said[alike:], wanted[alike:]
    if rest and (not sought or (rest[0] not in sought and sought[0] in rest)):
        spans = [(each.start, each.end) for each in items]
        yield _cut(place, node, spans, alike, "[]")
    elif sought and (not rest or rest[0] in sought):
        yield _added_item(place, node, alike, _flow(sought[0]))
    elif sought and rest:
        old = items[alike]
        yield _Splice(old.start, old.end, _scalar(str(sought[0]), old.style))


def _added_item(place: _Place, node: _Node, index: int, text: str) -> _Splice:
    items = node.items or []
    if node.flow:
        return _added_between_brackets(node, items[index - 1].end if index else None, text)
    dash = place.text.rfind("-", 0, items[0].start)
    lines = [f"{' ' * place.column(dash)}- {text}"]
    if index:
        return place.lines(place.line_end(items[index - 1].end), lines)
    return place.lines(place.line_start(dash), lines)


# ---------------------------------------------------------------- how values are written


def _scalar(text: str, style: str = "") -> str:
    if style == "'" and text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    plain = _PLAIN.fullmatch(text) and text == text.strip() and text not in _NULLS
    if plain and text.isprintable() and style not in ("'", '"'):
        return text
    return "".join(map(_escaped, json.dumps(text, ensure_ascii=False)))


def _escaped(letter: str) -> str:
    """JSON leaves letters as they are that YAML does not take, or that nobody sees."""
    if letter.isprintable():
        return letter
    return f"\\u{ord(letter):04x}" if ord(letter) < 1 << 16 else f"\\U{ord(letter):08x}"


def _flow(value: Value) -> str:
    if isinstance(value, dict):
        inner = ", ".join(f"{_scalar(key)}: {_flow(each)}" for key, each in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    return _scalar(value)


def _block(values: Mapping[str, Value], depth: int, column: int = 0) -> list[str]:
    return [
        line for key, value in values.items() for line in _block_entry(key, value, depth, column)
    ]


def _block_entry(key: str, value: Value, depth: int, column: int) -> list[str]:
    """Write one key. Small maps deep inside go on one line, as in the examples."""
    indent, name = " " * column, _scalar(key)
    if isinstance(value, dict) and value:
        is_leaf = all(isinstance(each, str) for each in value.values())
        line = f"{indent}{name}: {_flow(value)}"
        if not (is_leaf and depth and len(value) > 1 and len(line) <= _FLOW_WIDTH):
            return [f"{indent}{name}:", *_block(value, depth + 1, column + 2)]
        return [line]
    if isinstance(value, list) and len(_flow(value)) > _FLOW_WIDTH:
        return [f"{indent}{name}:", *(f"{indent}  - {_flow(each)}" for each in value)]
    return [f"{indent}{name}: {_flow(value)}"]
