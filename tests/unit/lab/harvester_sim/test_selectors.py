"""Label and field selectors."""

from __future__ import annotations

import pytest

from appliance.lab.harvester_sim.refusals import RefusedError
from appliance.lab.harvester_sim.selectors import selected_by

FOUND = {"metadata": {"name": "a", "namespace": "d", "labels": {"x": "1", "app/y": "z"}}}


@pytest.mark.parametrize(
    ("labels", "fields", "fits"),
    [
        ("", "", True),
        ("x=1", "", True),
        ("x==1,app/y=z", "", True),
        ("x!=1", "", False),
        ("q!=1", "", True),
        ("x in (1, 2),app/y", "", True),
        ("x notin (1)", "", False),
        ("q notin (1)", "", True),
        ("!x", "", False),
        ("!q", "", True),
        ("", "metadata.name=a", True),
        ("", "metadata.name=a,metadata.namespace!=d", False),
    ],
)
def test_an_object_fits_or_not(labels: str, fields: str, *, fits: bool) -> None:
    """All parts of both selectors have to hold."""
    assert selected_by(labels, fields)(FOUND) is fits


@pytest.mark.parametrize(("labels", "fields"), [("x=(", ""), ("", "spec.x=1"), ("", "name")])
def test_what_is_no_selector_is_refused(labels: str, fields: str) -> None:
    """400, as the real server refuses a field that it does not index."""
    with pytest.raises(RefusedError) as caught:
        selected_by(labels, fields)
    assert caught.value.code == 400
