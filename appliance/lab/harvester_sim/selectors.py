"""Label and field selectors of a list or watch. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from appliance.lab.harvester_sim.refusals import bad_request

Json = dict[str, Any]
Test = Callable[[Json], bool]

_SET = re.compile(r"(?P<key>[^\s!=(),]+)\s+(?P<word>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUAL = re.compile(r"(?P<key>[^\s!=(),]+)\s*(?P<sign>==|=|!=)\s*(?P<value>[^\s!=(),]*)")
_EXISTS = re.compile(r"(?P<no>!?)\s*(?P<key>[^\s!=(),]+)")
_COMMA = re.compile(r",(?![^()]*\))")


def selected_by(labels: str, fields: str) -> Test:
    """Give a test for objects that fit both selectors. Raises RefusedError for what is neither."""
    tests = [_label_test(part.strip()) for part in _COMMA.split(labels) if part.strip()]
    tests += [_field_test(part.strip()) for part in fields.split(",") if part.strip()]
    return lambda found: all(test(found) for test in tests)


def _labels(found: Json) -> Json:
    labels: Json = found.get("metadata", {}).get("labels") or {}
    return labels


def _label_test(part: str) -> Test:
    if match := _SET.fullmatch(part):
        key, among = match["key"], match["word"] == "in"
        values = {value.strip() for value in match["values"].split(",")}
        # An object without the label is selected by `notin`, as the real server does.
        return lambda found: (_labels(found).get(key) in values) is among
    if match := _EQUAL.fullmatch(part):
        key, same, value = match["key"], match["sign"] != "!=", match["value"]
        return lambda found: (_labels(found).get(key) == value) is same
    if match := _EXISTS.fullmatch(part):
        key, wanted = match["key"], not match["no"]
        return lambda found: (key in _labels(found)) is wanted
    raise bad_request(f"unable to parse requirement: {part!r}")


def _field_test(part: str) -> Test:
    match = _EQUAL.fullmatch(part)
    if match is None:
        raise bad_request(f"invalid field selector: {part!r}")
    path, same, value = match["key"], match["sign"] != "!=", match["value"]
    if path not in ("metadata.name", "metadata.namespace", "type", "status.phase"):
        raise bad_request(f"field label not supported: {path}")
    return lambda found: (_at(found, path) == value) is same


def _at(found: Json, path: str) -> str:
    value: Any = found
    for word in path.split("."):
        value = value.get(word, {}) if isinstance(value, dict) else {}
    return value if isinstance(value, str) else ""
