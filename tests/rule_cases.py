"""What a test of a rule is made of: a site that keeps it and one that breaks it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from appliance.site.places import path_text
from appliance.site.rules import Rule
from tests.sites import machine, site


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


def each(cases: Sequence[Case]) -> pytest.MarkDecorator:
    """Run a test once for each case, named by its rule."""
    names = [f"{case.rule.__name__}-{number}" for number, case in enumerate(cases)]
    return pytest.mark.parametrize("case", cases, ids=names)


def finds_nothing(case: Case) -> None:
    """Hold that the rule finds nothing in the site that keeps it."""
    assert list(case.rule(site(**case.keeps))) == []


def finds_one_thing(case: Case) -> None:
    """Hold that it finds one thing in the other: at its place, in words, with a fix."""
    (finding,) = case.rule(site(**case.breaks))
    assert path_text(finding.path) == case.path
    assert case.what in finding.what
    assert finding.fix
