"""The JSON Schema of the site file, for editors and the wizard: `provision schema`."""

from __future__ import annotations

import json
from typing import Any

from appliance.site.model import Site

SCHEMA_ID = "https://bridgehead.invalid/site.schema.json"
"""A name, not an address: nothing is fetched from it (RFC 6761 keeps .invalid free)."""


def site_schema() -> dict[str, Any]:
    """Give the schema. What a key means where it is left out stands in its description."""
    schema = Site.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **_said(schema),
        "title": "Bridgehead site",
    }


def schema_json() -> str:
    """Write the schema as JSON text."""
    return json.dumps(site_schema(), indent=2, ensure_ascii=False) + "\n"


def _said(value: Any) -> Any:  # JSON is what it is
    """Move `unsaid` into the description, and leave out that a key may be null: it may not."""
    if isinstance(value, list):
        return [_said(each) for each in value]
    if not isinstance(value, dict):
        return value
    clean = {key: _said(each) for key, each in value.items() if key not in ("unsaid", "kind")}
    unsaid = value.get("unsaid")
    if isinstance(unsaid, str):
        clean["description"] = f"{clean.get('description', '')} Left out: {unsaid}.".strip()
        clean.pop("default", None)
    if isinstance(clean.get("default"), dict):
        clean.pop("default")  # the inner keys tell theirs
    if "patternProperties" in clean:
        clean.pop("examples", None)
        clean.pop("propertyNames", None)
        clean["additionalProperties"] = False
    choices = clean.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        rest = [each for each in choices if each != {"type": "null"}]
        clean.pop("anyOf")
        clean.pop("default", None)
        clean.update(rest[0] if len(rest) == 1 else {"anyOf": rest})
    return clean
