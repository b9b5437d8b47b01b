"""Merge patches (RFC 7396) and JSON patches (RFC 6902). Pure."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from appliance.lab.harvester_sim.refusals import bad_request, unsupported_media

Json = dict[str, Any]

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"


def patched(found: Json, patch: Any, content_type: str) -> Json:
    """Give the object as the patch would have it; `found` stays. Raises RefusedError.

    A strategic merge is taken as a merge: the stand-in's kinds are custom ones but for a few,
    and the real server refuses strategic merges for custom kinds.
    """
    kind = content_type.partition(";")[0].strip()
    if kind in (MERGE, STRATEGIC) and isinstance(patch, dict):
        merged = _merge(found, patch)
        return merged if isinstance(merged, dict) else {}
    if kind == JSON and isinstance(patch, list):
        return _apply(found, patch)
    raise unsupported_media(content_type)


def _merge(found: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(found) if isinstance(found, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge(result.get(key), value)
    return copy.deepcopy(result)


def _apply(found: Json, patch: Sequence[Json]) -> Json:
    result: Json = copy.deepcopy(found)
    for step in patch:
        verb = _VERBS.get(str(step.get("op")))
        if verb is None:
            raise bad_request(f"unknown operation in a JSON patch: {step.get('op')!r}")
        try:
            verb(result, _pointer(step["path"]), step.get("value"))
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise bad_request(f"the JSON patch does not apply: {step} ({error})") from error
    return result


def _pointer(path: str) -> list[str]:
    return [word.replace("~1", "/").replace("~0", "~") for word in path.split("/")[1:]]


def _holder(found: Any, pointer: list[str]) -> Any:
    for word in pointer[:-1]:
        found = found[int(word)] if isinstance(found, list) else found[word]
    return found


def _add(found: Json, pointer: list[str], value: Any) -> None:
    holder, last = _holder(found, pointer), pointer[-1]
    if isinstance(holder, list):
        holder.insert(len(holder) if last == "-" else int(last), value)
    else:
        holder[last] = value


def _replace(found: Json, pointer: list[str], value: Any) -> None:
    holder, last = _holder(found, pointer), pointer[-1]
    key: Any = int(last) if isinstance(holder, list) else last
    holder[key]  # what is not there cannot be replaced
    holder[key] = value


def _remove(found: Json, pointer: list[str], value: Any) -> None:
    del value
    holder, last = _holder(found, pointer), pointer[-1]
    del holder[int(last) if isinstance(holder, list) else last]


def _test(found: Json, pointer: list[str], value: Any) -> None:
    holder, last = _holder(found, pointer), pointer[-1]
    if holder[int(last) if isinstance(holder, list) else last] != value:
        raise ValueError("the value is another")


_VERBS: dict[str, Callable[[Json, list[str], Any], None]] = {
    "add": _add,
    "replace": _replace,
    "remove": _remove,
    "test": _test,
}
