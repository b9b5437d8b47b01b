"""The Python packages that this program runs with, and their versions."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def versions_of(name: str) -> dict[str, str]:
    """Give the version of all that a distribution needs to run, without its own; by name.

    What it asks for and is not installed, such as what another system needs, is left out.
    """
    found: dict[str, str] = {}
    open_ends = _needs(name)
    while open_ends:
        each = open_ends.pop()
        key = canonicalize_name(each.name)
        if key in found:
            continue
        try:
            found[key] = version(key)
        except PackageNotFoundError:
            continue
        open_ends += _needs(key, each.extras)
    found.pop(canonicalize_name(name), None)
    return dict(sorted(found.items()))


def _needs(name: str, extras: set[str] | None = None) -> list[Requirement]:
    parsed = [Requirement(line) for line in requires(name) or ()]
    chosen = ("", *sorted(extras or ()))
    return [
        each
        for each in parsed
        if each.marker is None or any(each.marker.evaluate({"extra": extra}) for extra in chosen)
    ]
