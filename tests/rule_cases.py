"""What a test of a rule is made of: a site that keeps it and one that breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.site.rules import Rule
from tests.sites import machine


@dataclass(frozen=True)
class Case:
    """A rule, what keeps it, what breaks it, where, and in which words."""

    rule: Rule
    keeps: dict[str, Any]
    breaks: dict[str, Any]
    path: str
    what: str


def two(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Give two machines with these changes."""
    return {"machines": {"hv1": machine(1, **first), "hv2": machine(2, **second)}}


def one(**changes: Any) -> dict[str, Any]:
    """Give one machine with these changes."""
    return {"machines": {"hv1": machine(1, **changes)}}
