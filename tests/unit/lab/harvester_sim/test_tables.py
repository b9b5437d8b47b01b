"""Tables for kubectl."""

from __future__ import annotations

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.tables import as_table, condition, wants_table

KUBECTL = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


def test_only_who_prefers_a_table_is_given_one() -> None:
    """A client that takes JSON first gets JSON."""
    assert wants_table(KUBECTL)
    assert not wants_table("application/json")
    assert not wants_table(f"application/json,{KUBECTL}")


def test_a_list_and_an_object_are_tables(store: ObjectStore) -> None:
    """With the columns of their kind."""
    node = {
        "metadata": {"name": "hv1"},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }
    made = store.create(kinds.NODE, node)
    table = as_table(kinds.NODE, {"metadata": {}, "items": [made]})
    assert [column["name"] for column in table["columnDefinitions"]] == [
        *("Name", "Status", "Version", "Internal-IP", "Age")
    ]
    assert table["rows"][0]["cells"][:2] == ["hv1", "Ready"]
    assert as_table(kinds.NODE, made)["rows"][0]["cells"][0] == "hv1"


def test_a_condition_that_is_not_there_is_empty() -> None:
    """Neither true nor false."""
    assert condition({}, "Ready") == ""
    assert condition({"status": {"conditions": [{"type": "A", "status": "False"}]}}, "A") == "False"
