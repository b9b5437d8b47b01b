"""Merge patches and JSON patches."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.lab.harvester_sim.patches import JSON, MERGE, STRATEGIC, patched
from appliance.lab.harvester_sim.refusals import RefusedError

FOUND = {"metadata": {"labels": {"a": "1", "b": "2"}}, "list": [1, 2]}


@pytest.mark.parametrize("kind", [MERGE, STRATEGIC, f"{MERGE}; charset=utf-8"])
def test_a_merge_changes_adds_and_removes(kind: str) -> None:
    """null removes (RFC 7396); lists are replaced; the original stays."""
    patch = {"metadata": {"labels": {"a": None, "c": "3"}}, "list": [9]}
    result = patched(FOUND, patch, kind)
    assert result == {"metadata": {"labels": {"b": "2", "c": "3"}}, "list": [9]}
    assert FOUND["list"] == [1, 2]


def test_a_json_patch_is_applied_in_order() -> None:
    """Add, replace, remove and test, with escaped slashes (RFC 6901)."""
    steps = [
        {"op": "test", "path": "/list/0", "value": 1},
        {"op": "add", "path": "/metadata/labels/x~1y", "value": "z"},
        {"op": "add", "path": "/list/-", "value": 3},
        {"op": "replace", "path": "/list/0", "value": 0},
        {"op": "remove", "path": "/metadata/labels/a"},
    ]
    result = patched(FOUND, steps, JSON)
    assert result == {"metadata": {"labels": {"b": "2", "x/y": "z"}}, "list": [0, 2, 3]}


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([{"op": "test", "path": "/list/0", "value": 5}], 400),
        ([{"op": "remove", "path": "/none"}], 400),
        ([{"op": "replace", "path": "/metadata/none", "value": 1}], 400),
        ([{"op": "copy", "path": "/list"}], 400),
        ({"metadata": {}}, 415),
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused(steps: Any, code: int) -> None:
    """And so is an object that is called a JSON patch."""
    with pytest.raises(RefusedError) as caught:
        patched(FOUND, steps, JSON)
    assert caught.value.code == code
