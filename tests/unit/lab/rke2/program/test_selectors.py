"""Label and field selectors."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.lab.rke2.program import selectors

POD: dict[str, Any] = {
    "metadata": {"name": "a", "labels": {"app": "dns", "tier": "x"}},
    "spec": {"nodeName": "w1", "hostNetwork": True},
    "status": {"phase": "Running"},
}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("app=dns", True),
        ("app==dns,tier!=y", True),
        ("app=web", False),
        ("app in (dns, web),tier", True),
        ("app notin (dns)", False),
        ("none notin (a)", True),
        ("!none", True),
        ("!app", False),
        ("none", False),
    ],
)
def test_labels(text: str, *, matches: bool) -> None:
    """Each form that kubectl writes."""
    assert selectors.labels(text)(POD) is matches


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ("", True),
        ("metadata.name=a", True),
        ("spec.nodeName==w1,status.phase!=Failed", True),
        ("spec.nodeName=", False),
        ("spec.none=", True),
        ("metadata.name!=a", False),
        ("spec.hostNetwork=true", True),
    ],
)
def test_fields(text: str, *, matches: bool) -> None:
    """Any path; what is not there is empty."""
    assert selectors.fields(text)(POD) is matches


def test_what_cannot_be_read_is_refused() -> None:
    """Not taken for everything."""
    with pytest.raises(ValueError, match="unable to parse"):
        selectors.labels("a>b")
    with pytest.raises(ValueError, match="invalid selector"):
        selectors.fields("name")


def test_an_object_without_labels_has_none() -> None:
    """Null in JSON."""
    assert not selectors.labels("a")({"metadata": {"labels": None}})
