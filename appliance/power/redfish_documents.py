"""Redfish documents read with suspicion: a field may be missing, null or of another type.

What cannot be read is empty, never an error: BMCs of all vendors leave fields out, and some write
numbers as text (DSP0266 9.6 lets a service omit nearly everything).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Document = Mapping[str, Any]
"""A JSON object, as it came."""

_LONGEST = 1000
"""Characters of one text; no serial number, model or path is longer."""
_NUMBER = re.compile(r"\s*(\d+(?:\.\d+)?)")


def document_of(loaded: object) -> Document:
    """Take what JSON gave as an object. Raises ValueError for anything else."""
    if not isinstance(loaded, dict):
        found = type(loaded).__name__
        raise ValueError(f"a JSON object was expected, not {found}")  # noqa: TRY004 - it was parsed
    return loaded


def part(document: Document, *keys: str) -> Document:
    """Give the object below these keys, an empty one where there is none."""
    found = _below(document, keys)
    return found if isinstance(found, dict) else {}


def text(document: Document, *keys: str) -> str:
    """Give the text below these keys without blanks around it, empty where there is none.

    It may be shown to people: no control codes, and no more than a thousand characters.
    """
    found = _below(document, keys)
    if not isinstance(found, str):
        return ""
    return " ".join("".join(c if c.isprintable() else " " for c in found[:_LONGEST]).split())


def number(document: Document, *keys: str) -> float:
    """Give the number below these keys; `"64 GiB"` is 64, anything unreadable or negative 0."""
    found = _below(document, keys)
    if isinstance(found, bool):
        return 0.0
    match = _NUMBER.match(found) if isinstance(found, str) else None
    if match:
        found = float(match.group(1))
    return float(found) if isinstance(found, int | float) and 0 < found < 2**63 else 0.0


def texts(document: Document, *keys: str) -> tuple[str, ...]:
    """Give the texts of the list below these keys; what is no text is left out."""
    found = _below(document, keys)
    return tuple(each for each in found if isinstance(each, str)) if isinstance(found, list) else ()


def link(document: Document, *keys: str) -> str:
    """Give the path that the reference below these keys names, empty where there is none."""
    return _path(_below(document, keys))


def links(document: Document, *keys: str) -> tuple[str, ...]:
    """Give the paths that the list of references below these keys names."""
    found = _below(document, keys)
    paths = (_path(each) for each in found) if isinstance(found, list) else ()
    return tuple(path for path in paths if path)


def objects(document: Document, *keys: str) -> tuple[Document, ...]:
    """Give the objects of the list below these keys."""
    found = _below(document, keys)
    return (
        tuple(each for each in found if isinstance(each, dict)) if isinstance(found, list) else ()
    )


def _below(document: Document, keys: tuple[str, ...]) -> object:
    found: object = document
    for key in keys:
        if not isinstance(found, dict):
            return None
        found = found.get(key)
    return found


def _path(reference: object) -> str:
    path = reference.get("@odata.id") if isinstance(reference, dict) else None
    if not isinstance(path, str) or len(path) > _LONGEST or not path.isprintable():
        return ""
    return path if path.startswith("/") else ""
