"""The JSON Schema: what editors and the wizard read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from appliance.site.model import Site
from appliance.site.schema import schema_json, site_schema


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Give every object in a JSON value."""
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from objects(each)
    elif isinstance(value, list):
        for each in value:
            yield from objects(each)


def test_it_is_json_with_its_dialect() -> None:
    """Editors choose by `$schema`."""
    schema = json.loads(schema_json())
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["required"] == ["site", "hypervisor"]


def test_every_key_of_the_site_is_described() -> None:
    """Each has a description, and no unknown key is let in."""
    schema = site_schema()
    models = [schema, *schema["$defs"].values()]
    assert set(schema["properties"]) == set(Site.model_fields)
    for model in models:
        assert model["additionalProperties"] is False
        assert all(field.get("description") for field in model["properties"].values())


def test_what_is_for_the_docs_alone_is_left_out() -> None:
    """`unsaid` and `kind` are no words of JSON Schema; null is no value in a site file."""
    for each in objects(site_schema()):
        assert not {"unsaid", "kind"} & each.keys()
        assert each.get("type") != "null"


def test_what_a_missing_key_means_is_told() -> None:
    """The editor shows the default that depends on the rest."""
    network = site_schema()["$defs"]["NetworkSite"]["properties"]
    assert network["gateway"]["description"].endswith("Left out: the first address of the subnet.")
    assert network["mtu"]["default"] == 1500
    assert network["vlan"] == {
        "description": "VLAN tag. Left out: untagged.",
        "title": "Vlan",
        "type": "integer",
        "minimum": 2,
        "maximum": 4094,
    }


def test_choices_are_listed() -> None:
    """So that an editor can offer them."""
    machine = site_schema()["$defs"]["MachineSite"]["properties"]
    assert machine["firmware"]["enum"] == ["bios", "uefi", "uefi-http"]
    assert machine["own_disk"]["default"] == "exit"
