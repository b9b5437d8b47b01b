"""The API's description: whole, and made from the types that the calls use."""

from __future__ import annotations

import json
import re

from appliance.web.models import CALLS
from appliance.web.openapi import REFUSALS, document, statuses

MADE = document(CALLS, version="1.2.3")


def test_every_call_is_described_with_every_answer() -> None:
    """Its good answer, and each refusal with the error's own schema."""
    operations = {
        (method, path): each for path, one in MADE["paths"].items() for method, each in one.items()
    }
    assert set(operations) == {(each.method, each.path) for each in CALLS}
    for each in operations.values():
        assert {int(code) for code in each["responses"]} <= statuses()
        assert {"200", *map(str, REFUSALS)} <= set(each["responses"])
    assert "503" in operations["get", "/api/stream"]["responses"]


def test_every_reference_leads_somewhere() -> None:
    """And every part of a path is a parameter."""
    text = json.dumps(MADE)
    for name in re.findall(r'"#/components/schemas/([^"]+)"', text):
        assert name in MADE["components"]["schemas"]
    (which,) = MADE["paths"]["/api/machines/{which}"]["get"]["parameters"]
    assert (which["name"], which["in"], which["required"]) == ("which", "path", True)


def test_a_body_is_needed_where_something_must_be_said() -> None:
    """Approving needs a name; starting needs nothing."""
    approve = MADE["paths"]["/api/machines/approve"]["post"]["requestBody"]
    start = MADE["paths"]["/api/run/start"]["post"]["requestBody"]
    assert (approve["required"], start["required"]) == (True, False)
    schemas = MADE["components"]["schemas"]
    asked = approve["content"]["application/json"]["schema"]
    asked = schemas[asked["$ref"].rpartition("/")[2]] if "$ref" in asked else asked
    assert asked["required"] == ["which", "name"]
    assert asked["additionalProperties"] is False
