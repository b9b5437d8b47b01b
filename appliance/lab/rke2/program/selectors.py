"""Label and field selectors, as `kubectl -l` and `--field-selector` write them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Object = dict[str, Any]
Test = Callable[[Object], bool]

_SET = re.compile(r"(!?[\w./-]+)\s+(in|notin)\s+\(([^)]*)\)")
_PLAIN = re.compile(r"([\w./-]+)\s*(==|=|!=)\s*([\w./-]*)")
_SPLIT = re.compile(r",(?![^(]*\))")


def labels(text: str) -> Test:
    """Read a label selector. Raises ValueError if it cannot be read."""
    tests = [_label_test(part.strip()) for part in _SPLIT.split(text) if part.strip()]
    return lambda each: all(test(each["metadata"].get("labels") or {}) for test in tests)


def _label_test(part: str) -> Callable[[Mapping[str, str]], bool]:
    if found := _SET.fullmatch(part):
        name, values = found[1], {v.strip() for v in found[3].split(",")}
        if found[2] == "in":
            return lambda have: have.get(name) in values
        return lambda have: have.get(name) not in values
    if found := _PLAIN.fullmatch(part):
        name, value = found[1], found[3]
        if found[2] == "!=":
            return lambda have: have.get(name) != value
        return lambda have: have.get(name) == value
    if re.fullmatch(r"!?[\w./-]+", part):
        name = part.lstrip("!")
        return lambda have: (name in have) != part.startswith("!")
    raise ValueError(f"unable to parse requirement: {part}")


def fields(text: str) -> Test:
    """Read a field selector, over any path of scalar fields. Raises ValueError for another form."""
    tests = []
    for part in filter(None, text.split(",")):
        found = re.fullmatch(r"([\w.]+)\s*(==|=|!=)\s*(.*)", part.strip())
        if not found:
            raise ValueError(f"invalid selector: '{part}'; can't understand '{part}'")
        tests.append(_field_test(found[1], found[3], equal=found[2] != "!="))
    return lambda each: all(test(each) for test in tests)


def _field_test(path: str, value: str, *, equal: bool) -> Test:
    def test(each: Object) -> bool:
        found: Any = each
        for name in path.split("."):
            found = found.get(name) if isinstance(found, dict) else None
        text = "" if found is None else str(found).lower() if found in {True, False} else str(found)
        return (text == value) == equal

    return test
