"""The plugin's side of the protocol. What Terraform makes of it is in tests/terraform."""

from __future__ import annotations

import subprocess
import sys
import threading
from typing import Any

import pytest
from tf.gen import tfplugin_pb2 as pb

from appliance.lab.harvester_provider import codec
from appliance.lab.harvester_provider.planning import UNKNOWN
from appliance.lab.harvester_provider.server import Provider
from appliance.lab.harvester_sim.accounts import kubeconfig

NETWORK = {
    "name": "main",
    "namespace": "default",
    "vlan_id": 0,
    "cluster_network_name": "mgmt",
    "timeouts": {"create": "1s"},
}


@pytest.fixture
def provider() -> Provider:
    """Give one whose API nobody answers at."""
    return Provider("1.8.1", lambda _: kubeconfig("http://127.0.0.1:1", "t"))


def test_started_by_hand_it_explains_itself() -> None:
    """Without Terraform's cookie it says what it is, and ends."""
    words = [sys.executable, "-m", "appliance.lab.harvester_provider", "1.8.1"]
    done = subprocess.run(words, env={}, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "is a plugin" in done.stderr


def test_the_schema_is_told(provider: Provider) -> None:
    """All four kinds of thing; `disk` is a list of blocks, `timeouts` one block."""
    told = provider.GetProviderSchema(None, None)
    block = told.resource_schemas["harvester_virtualmachine"].block
    nesting = {each.type_name: each.nesting for each in block.block_types}
    assert nesting["disk"] == pb.Schema.NestedBlock.LIST
    assert nesting["timeouts"] == pb.Schema.NestedBlock.SINGLE
    assert len(told.resource_schemas) == 4


def test_a_faulty_configuration_is_told(provider: Provider) -> None:
    """With the place and the words."""
    request = pb.ValidateResourceConfig.Request(
        type_name="harvester_network", config=codec.write({**NETWORK, "vlan_id": 5000})
    )
    [told] = provider.ValidateResourceConfig(request, None).diagnostics
    assert told.summary == "harvester_network: vlan_id"
    assert "0 to 4094" in told.detail


def planned(provider: Provider, prior: Any, proposed: Any) -> Any:
    """Ask for a plan."""
    request = pb.PlanResourceChange.Request(
        type_name="harvester_network",
        prior_state=codec.write(prior),
        proposed_new_state=codec.write(proposed),
    )
    return provider.PlanResourceChange(request, None)


def test_plans(provider: Provider) -> None:
    """A new thing's id is unknown, another name makes it anew, nothing wanted is nothing."""
    made = planned(provider, None, NETWORK)
    assert codec.read(made.planned_state)["id"] is UNKNOWN
    [path] = planned(provider, NETWORK, {**NETWORK, "name": "other"}).requires_replace
    assert path.steps[0].attribute_name == "name"
    assert codec.read(planned(provider, NETWORK, None).planned_state) is None


def test_an_api_that_does_not_answer_loses_nothing(provider: Provider) -> None:
    """Reading and applying fail with the address; the state is as it was."""
    request = pb.ReadResource.Request(
        type_name="harvester_network", current_state=codec.write(NETWORK)
    )
    read = provider.ReadResource(request, None)
    assert codec.read(read.new_state) == NETWORK
    assert "127.0.0.1:1" in read.diagnostics[0].summary
    asked = pb.ApplyResourceChange.Request(
        type_name="harvester_network",
        prior_state=codec.write(None),
        planned_state=codec.write({**NETWORK, "id": UNKNOWN}),
    )
    applied = provider.ApplyResourceChange(asked, None)
    assert codec.read(applied.new_state) is None
    assert "127.0.0.1:1" in applied.diagnostics[0].summary


def test_an_import_and_an_old_state(provider: Provider) -> None:
    """An id becomes a state to read; a kept state comes back with every argument."""
    request = pb.ImportResourceState.Request(type_name="harvester_network", id="default/main")
    [imported] = provider.ImportResourceState(request, None).imported_resources
    state = codec.read(imported.state)
    assert (state["namespace"], state["name"], state["vlan_id"]) == ("default", "main", None)
    raw = pb.RawState(json=b'{"name": "main", "vlan_id": 3}')
    upgrade = pb.UpgradeResourceState.Request(type_name="harvester_network", raw_state=raw)
    kept = codec.read(provider.UpgradeResourceState(upgrade, None).upgraded_state)
    assert (kept["vlan_id"], kept["id"]) == (3, None)


def test_stop_is_heard(provider: Provider) -> None:
    """Told to stop, waits end: the event they listen to is set."""
    stop = provider._stop
    assert isinstance(stop, threading.Event)
    provider.StopProvider(None, None)
    assert stop.is_set()
