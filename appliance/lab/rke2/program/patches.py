"""The three ways to patch an object. Pure."""

from __future__ import annotations

import copy
from typing import Any

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON = "application/json-patch+json"


def apply(kind: str, target: Any, patch: Any) -> Any:
    """Apply a patch of this media type. Raises ValueError if it cannot be.

    A strategic patch is taken as a merge patch without its directives: the lists that this API
    lets anybody change (a node's taints) are replaced whole by either.
    """
    media = kind.partition(";")[0].strip()
    if media in {MERGE, STRATEGIC}:
        return merge(target, patch)
    if media == JSON:
        return operations(target, patch)
    raise ValueError(f"the body of the request was in an unknown format - {media or 'none'}")


def merge(target: Any, patch: Any) -> Any:
    """Merge as RFC 7386 says: null takes away, lists are replaced."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if name.startswith("$"):
            continue
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merge(result.get(name), value)
    return result


def operations(target: Any, patch: Any) -> Any:
    """Apply RFC 6902's add, replace, remove and test."""
    if not isinstance(patch, list):
        raise ValueError("a JSON patch is a list")  # noqa: TRY004 - what a client sent is a value
    result = copy.deepcopy(target)
    for each in patch:
        if not isinstance(each, dict) or not str(each.get("path", "")).startswith("/"):
            raise ValueError("an operation needs a path")
        names = [p.replace("~1", "/").replace("~0", "~") for p in each["path"][1:].split("/")]
        _operate(result, str(each.get("op")), names, each.get("value"))
    return result


def _operate(result: Any, operation: str, names: list[str], value: Any) -> None:
    parent = result
    for name in names[:-1]:
        parent = _step(parent, name)
    last = names[-1]
    if operation == "test":
        if _step(parent, last) != value:
            raise ValueError(f"test failed at /{'/'.join(names)}")
    elif operation == "remove":
        _step(parent, last)
        del parent[int(last) if isinstance(parent, list) else last]
    elif operation in {"add", "replace"}:
        if isinstance(parent, list):
            _put_in_list(parent, operation, last, value)
        else:
            parent[last] = value
    else:
        raise ValueError(f"unexpected kind: {operation}")


def _put_in_list(parent: list[Any], operation: str, last: str, value: Any) -> None:
    if last == "-":
        parent.append(value)
    elif operation == "add":
        parent.insert(int(last), value)
    else:
        parent[int(last)] = value


def _step(parent: Any, name: str) -> Any:
    try:
        return parent[int(name)] if isinstance(parent, list) else parent[name]
    except (KeyError, IndexError, TypeError) as error:
        raise ValueError(f"there is nothing at {name}") from error
