"""The list of calls of the site file."""

from __future__ import annotations

from appliance.web.models import CALLS
from appliance.web.openapi import document
from appliance.web.site_models import SITE_CALLS


def test_every_call_has_a_name_and_a_path_of_its_own() -> None:
    """None falls on a call of the live half."""
    calls = (*CALLS, *SITE_CALLS)

    assert len({each.name for each in calls}) == len(calls)
    assert len({(each.method, each.path) for each in calls}) == len(calls)
    assert all(each.path.startswith("/api/") for each in SITE_CALLS)


def test_all_are_in_the_handbook() -> None:
    """With what they take and give."""
    paths = document(SITE_CALLS, version="1")["paths"]

    assert paths.keys() == {each.path for each in SITE_CALLS}
    body = paths["/api/site"]["post"]["requestBody"]
    assert body["required"]
