"""Patches."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.lab.rke2.program import patches


@pytest.mark.parametrize("kind", [patches.MERGE, patches.STRATEGIC, f"{patches.MERGE}; charset=a"])
def test_a_merge_changes_what_it_names(kind: str) -> None:
    """Null takes away, lists are replaced, directives are left out."""
    target = {"spec": {"unschedulable": True, "taints": [1, 2]}, "metadata": {"labels": {"a": "b"}}}
    patch = {
        "spec": {"unschedulable": None, "taints": [3], "$setElementOrder/taints": []},
        "metadata": {"labels": {"c": "d"}},
    }
    assert patches.apply(kind, target, patch) == {
        "spec": {"taints": [3]},
        "metadata": {"labels": {"a": "b", "c": "d"}},
    }


def test_operations_are_done_in_order() -> None:
    """Added, put into a list, replaced, removed; what was there is tested."""
    target: dict[str, Any] = {"a": {"b": 1}, "list": [1, 3]}
    patch = [
        {"op": "test", "path": "/a/b", "value": 1},
        {"op": "add", "path": "/a/x~1y", "value": 2},
        {"op": "add", "path": "/list/1", "value": 2},
        {"op": "add", "path": "/list/-", "value": 4},
        {"op": "replace", "path": "/list/0", "value": 0},
        {"op": "remove", "path": "/a/b"},
    ]
    assert patches.apply(patches.JSON, target, patch) == {"a": {"x/y": 2}, "list": [0, 2, 3, 4]}
    assert target["list"] == [1, 3]


@pytest.mark.parametrize(
    "patch",
    [
        {"op": "add"},
        [{"op": "add", "path": "a"}],
        [{"op": "move", "path": "/a"}],
        [{"op": "remove", "path": "/none"}],
        [{"op": "test", "path": "/a", "value": 2}],
        [{"op": "add", "path": "/a/b/c", "value": 2}],
        ["add"],
    ],
)
def test_an_impossible_operation_is_refused(patch: object) -> None:
    """With a reason, not with a traceback."""
    with pytest.raises(ValueError, match=r"\w"):
        patches.apply(patches.JSON, {"a": 1}, patch)


def test_an_unknown_form_is_refused() -> None:
    """Server-side apply is not kept."""
    with pytest.raises(ValueError, match="unknown format"):
        patches.apply("application/apply-patch+yaml", {}, {})
