"""A form of the site file: its fields, and what was typed as changes of the file.

A field's name is its key in `site.yaml`; labels are ours, all other words are the model's own, so
that the docs, the schema and the wizard say the same. Names beginning with `+` make a new entry of
a map, those with `-` take one out. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from appliance.errors import Problem
from appliance.site.load import model_at
from appliance.site.places import Path, path_text
from appliance.site.yaml_text import Value
from appliance.web.site_file import value_at

ADD = "+"
REMOVE = "-"
TRUE = "true"
_TICKS = {"yes": TRUE, "on": TRUE, "no": "false", "off": "false"}
"""What browsers send for a box, beside the file's own words."""


class Kind(StrEnum):
    """How a field is shown and read."""

    TEXT = "text"
    WORDS = "words"
    LINES = "lines"
    FLAG = "flag"
    CHOICE = "choice"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `unsaid` is what holds where it is left empty; `proposed` is this very value.

    `depends`: whether it may be left empty depends on another field.
    """

    name: str
    path: Path
    label: str
    kind: Kind = Kind.TEXT
    help: str = ""
    unsaid: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    suggestions: tuple[str, ...] = ()
    proposed: str = ""
    required: bool = False
    depends: bool = False

    @property
    def hint(self) -> str:
        """What it is, and what holds where it is left empty."""
        left_out = self.proposed or self.unsaid
        if self.kind in (Kind.FLAG, Kind.REMOVE) or not left_out:
            return self.help
        return f"{self.help} Left empty: {left_out.removeprefix('proposed: ')}."


@dataclass(frozen=True, slots=True)
class Group:
    """Fields that belong together. `new`: of an entry that is not there yet; it starts closed."""

    title: str
    fields: tuple[Field, ...]
    text: str = ""
    new: Path = ()

    @property
    def namer(self) -> str:
        """The field that names the new entry."""
        return f"{ADD}{path_text(self.new)}"


@dataclass(frozen=True, slots=True)
class Form:
    """One page's form."""

    groups: tuple[Group, ...]
    fields: tuple[Field, ...] = field(init=False)

    def __post_init__(self) -> None:
        fields = tuple(each for group in self.groups for each in group.fields)
        object.__setattr__(self, "fields", fields)

    def values(self, data: Value) -> dict[str, str]:
        """Give what the file says, as the fields show it."""
        return {each.name: _shown(each, value_at(data, each.path)) for each in self.fields}

    def unknown(self, given: Iterable[str]) -> tuple[str, ...]:
        """Give the names that are no field of this form."""
        known = {each.name for each in self.fields}
        return tuple(name for name in given if name not in known)

    def changes(self, data: Value, given: Mapping[str, str]) -> dict[Path, Value | None]:
        """Give what was typed as changes. What was not given, or says the same, is no change."""
        shown = self.values(data)
        changes: dict[Path, Value | None] = {}
        for group in self.groups:
            for each in group.fields:
                typed = _clean(each, given.get(each.name, shown[each.name]))
                if each.kind is Kind.REMOVE:
                    if typed == TRUE:
                        changes[each.path] = None
                elif group.new:
                    changes |= _new_entries(group, each, given, typed)
                elif typed != shown[each.name]:
                    changes[each.path] = _value(each, typed, value_at(data, each.path))
        gone = [path for path, value in changes.items() if value is None]
        return {
            path: value
            for path, value in changes.items()
            if not any(path != other and path[: len(other)] == other for other in gone)
        }

    def taken(self, data: Value, given: Mapping[str, str]) -> dict[str, Problem]:
        """Give a problem for each new name that an entry has already."""
        found = {}
        for group in self.groups:
            for name in _names(given.get(group.namer, "")) if group.new else ():
                if value_at(data, (*group.new, name)) is not None:
                    key = path_text((*group.new, name))
                    found[group.namer] = Problem(
                        "", 0, 0, key, f"there is a {name} already", "choose another name"
                    )
        return found

    def needed(self) -> tuple[Problem, ...]:
        """Give a problem for each field that no site is without: for a form that says nothing."""
        return tuple(
            Problem("", 0, 0, path_text(group.new or each.path), "this is needed", "fill it in")
            for group in self.groups
            for each in group.fields
            if each.required and (not group.new or each.name == group.namer)
        )

    def sorted_out(
        self, problems: Iterable[Problem], given: Mapping[str, str]
    ) -> tuple[dict[str, list[Problem]], list[Problem]]:
        """Give each problem to its field; those that no field of this form has come apart."""
        keys = [(key, each.name) for each in self.fields for key in self._keys(each, given)]
        own: dict[str, list[Problem]] = {}
        others = []
        for problem in problems:
            name = _nearest(problem.key, keys)
            if name is None:
                others.append(problem)
            else:
                own.setdefault(name, []).append(problem)
        return own, others

    def _keys(self, each: Field, given: Mapping[str, str]) -> Iterator[str]:
        """The keys whose problems a field shows; of a new entry by the name that was typed."""
        group = next(group for group in self.groups if each in group.fields)
        if each.kind is Kind.REMOVE:
            return
        if not group.new:
            yield path_text(each.path)
            return
        if each.name == group.namer:
            yield path_text(group.new)
        for name in _names(given.get(group.namer, "")):
            yield path_text((*group.new, name, *each.path))


def _nearest(key: str, keys: Iterable[tuple[str, str]]) -> str | None:
    known = list(keys)
    for mine, name in known:
        if key == mine or key.startswith(f"{mine}["):
            return name
    # Said of a whole map: shown at the first field of it.
    return next((name for mine, name in known if mine.startswith(f"{key}.")), None)


def _names(text: str) -> tuple[str, ...]:
    return tuple(re.split(r"[\s,]+", text.strip())) if text.strip() else ()


def _new_entries(
    group: Group, each: Field, given: Mapping[str, str], typed: str
) -> Iterator[tuple[Path, Value]]:
    for name in _names(given.get(group.namer, "")):
        if each.name == group.namer:
            yield (*group.new, name), {}
        elif typed and not (each.kind is Kind.FLAG and typed == each.unsaid):
            yield (*group.new, name, *each.path), _value(each, typed, None) or ""


def _shown(each: Field, value: Value | None) -> str:
    if value is None or isinstance(value, dict):
        return each.unsaid if each.kind is Kind.FLAG else ""
    if isinstance(value, list):
        between = "\n" if each.kind is Kind.LINES else ", "
        return between.join(str(item) for item in value)
    return value.lower() if each.kind is Kind.FLAG else value


def _clean(each: Field, typed: str) -> str:
    typed = typed.replace("\r\n", "\n").strip()
    if each.kind in (Kind.FLAG, Kind.REMOVE):
        return _TICKS.get(typed, typed)
    if each.kind is Kind.WORDS:
        return ", ".join(_names(typed))
    if each.kind is Kind.LINES:
        return "\n".join(line.strip() for line in typed.splitlines() if line.strip())
    return typed


def _value(each: Field, typed: str, was: Value | None) -> Value | None:
    if each.kind is Kind.FLAG and was is None and typed == each.unsaid:
        return None
    if not typed:
        return None
    if each.kind is Kind.WORDS:
        return list(_names(typed))
    if each.kind is Kind.LINES:
        return list(typed.splitlines())
    return typed


# ---------------------------------------------------------------- fields from the model


def key_field(
    path: Path, label: str, kind: Kind = Kind.TEXT, *, at: Path = (), **more: Any
) -> Field:
    """Make the field of a key; its words are the model's. `at` is where the model has its path."""
    whole = (*at, *path)
    model = model_at(whole[:-1])
    found = model.model_fields[str(whole[-1])] if model else None
    extra = found.json_schema_extra if found else None
    unsaid = str(extra.get("unsaid", "")) if isinstance(extra, dict) else ""
    if not unsaid and found and not found.is_required():
        unsaid = _default(found.default)
    return Field(
        name=path_text(path),
        path=path,
        label=label,
        kind=kind,
        help=(found.description or "") if found else "",
        unsaid=unsaid,
        required=bool(found and found.is_required()),
        **more,
    )


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value in (None, ()) else str(value)
