"""What is done for each kind of thing, against the API's stand-in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_provider.kube import ApiError, Cluster, access
from appliance.lab.harvester_provider.resources import (
    CloudInitSecret,
    Image,
    Machine,
    Network,
    PartialError,
)
from appliance.lab.harvester_provider.waiting import Wait
from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.accounts import kubeconfig
from appliance.lab.harvester_sim.sim import HarvesterSim, SimOptions

COMMON = {"namespace": "default", "tags": {"bridgehead-site": "alpha"}}
NETWORK: dict[str, Any] = {
    **COMMON,
    "name": "main",
    "vlan_id": 7,
    "cluster_network_name": "mgmt",
    "route_mode": "manual",
    "route_cidr": "10.20.0.0/24",
    "route_gateway": "10.20.0.1",
}
MACHINE: dict[str, Any] = {
    **COMMON,
    "name": "one",
    "cpu": 1,
    "memory": "128Mi",
    "run_strategy": "Halted",
    "disk": [{"name": "root", "type": "disk", "size": "128Mi", "auto_delete": True}],
    "network_interface": [
        {"name": "nic-1", "model": "virtio", "network_name": "default/main", "type": "bridge"}
    ],
}


@pytest.fixture
def sim(tmp_path: Path) -> Iterator[HarvesterSim]:
    """Give the API's stand-in."""
    options = SimOptions(tmp_path / "sim", tmp_path / "place", retry_pause_s=0.1)
    with HarvesterSim(options) as started:
        yield started


@pytest.fixture
def cluster(sim: HarvesterSim) -> Cluster:
    """Give the way to it."""
    return Cluster(access(kubeconfig(sim.url, sim.accounts.new_token("test")[1])))


def wait(limit: float = 60, *, stopped: bool = False) -> Wait:
    """Give patience."""
    stop = threading.Event()
    if stopped:
        stop.set()
    return Wait(limit, stop)


def test_a_network(cluster: Cluster) -> None:
    """Made, read as it was said, its VLAN changed, removed."""
    made = Network().create(cluster, NETWORK, wait())
    found = Network().read(cluster, NETWORK)
    assert found is not None
    assert made["id"] == found["id"] == "default/main"
    assert {key: found[key] for key in NETWORK} == NETWORK
    changed = Network().update(cluster, found, NETWORK | {"vlan_id": 0}, wait())
    assert changed["vlan_id"] == 0
    Network().delete(cluster, found, wait())
    assert Network().read(cluster, NETWORK) is None


@pytest.mark.parametrize(
    ("said", "words"),
    [({"route_cidr": ""}, "must specify"), ({"route_mode": "auto"}, "can not use")],
)
def test_a_route_half_said(cluster: Cluster, said: dict[str, str], words: str) -> None:
    """Upstream's rules for the route."""
    with pytest.raises(ValueError, match=words):
        Network().create(cluster, NETWORK | said, wait())


def test_a_network_on_nothing(cluster: Cluster) -> None:
    """A cluster network that is not there is told at once."""
    with pytest.raises(ApiError, match="clusternetwork nowhere"):
        Network().create(cluster, NETWORK | {"cluster_network_name": "nowhere"}, wait())


def test_a_secret_is_read_as_it_was_said(cluster: Cluster) -> None:
    """Plain text stays plain, and the other form stays empty."""
    wanted = {**COMMON, "name": "one-network-data", "network_data": "version: 2\n"}
    made = CloudInitSecret().create(cluster, wanted, wait())
    assert made["network_data"] == "version: 2\n"
    assert made["network_data_base64"] == ""
    changed = CloudInitSecret().update(
        cluster, made, wanted | {"network_data": "version: 2\nx: 1\n"}, wait()
    )
    assert changed["network_data"].endswith("x: 1\n")
    CloudInitSecret().delete(cluster, made, wait())
    assert CloudInitSecret().read(cluster, wanted) is None


def test_an_image_that_cannot_be_fetched(cluster: Cluster) -> None:
    """It was made, so its state comes with the error, and Harvester's word for the failure."""
    wanted = {
        **COMMON,
        "name": "debian",
        "display_name": "debian",
        "source_type": "download",
        "backend": "backingimage",
        "url": "http://127.0.0.1:1/debian.qcow2",
    }
    with pytest.raises(PartialError, match="127") as raised:
        Image().create(cluster, wanted, wait())
    assert raised.value.state["id"] == "default/debian"
    found = Image().read(cluster, wanted)
    assert found is not None
    assert found["state"] == "Failed"
    Image().delete(cluster, found, wait())
    assert Image().read(cluster, wanted) is None


def test_an_image_needs_its_url(cluster: Cluster) -> None:
    """Upstream's rule."""
    with pytest.raises(ValueError, match="must specify image url"):
        Image().create(cluster, {"source_type": "download", "name": "x"}, wait())


def test_a_stopped_machine(cluster: Cluster, sim: HarvesterSim) -> None:
    """Made, read, changed, removed with its disk; what only the state knows comes from there."""
    Network().create(cluster, NETWORK, wait())
    machines = Machine(tells_cloud_init_disk=True)
    made = machines.create(cluster, MACHINE | {"restart_after_update": False}, wait())
    assert (made["state"], made["machine_type"]) == ("Off", "q35")
    assert made["restart_after_update"] is False
    assert made["disk"][0]["storage_class_name"]
    changed = machines.update(cluster, made, {**MACHINE, **made, "memory": "256Mi"}, wait())
    assert changed["memory"] == "256Mi"
    assert changed["disk"][0]["volume_name"] == made["disk"][0]["volume_name"]
    machines.delete(cluster, changed, wait())
    assert machines.read(cluster, made) is None
    assert sim.store.all(kinds.MACHINE) == []
    machines.delete(cluster, changed, wait())


def test_a_wait_that_is_ended_tells_what_was_made(cluster: Cluster) -> None:
    """Stopped while it waits, it says so, and gives what is known: Terraform then knows of it."""
    Network().create(cluster, NETWORK, wait())
    wanted = MACHINE | {"run_strategy": "RerunOnFailure"}
    with pytest.raises(PartialError, match="interrupted") as raised:
        Machine(tells_cloud_init_disk=True).create(cluster, wanted, wait(stopped=True))
    assert raised.value.state["id"] == "default/one"


def test_before_1_8_the_disk_of_cloud_init_was_not_told(cluster: Cluster) -> None:
    """harvester#10728 came with 1.8.0."""
    Network().create(cluster, NETWORK, wait())
    wanted = MACHINE | {"cloudinit": [{"type": "noCloud", "user_data": "#cloud-config"}]}
    Machine(tells_cloud_init_disk=False).create(cluster, wanted, wait())
    for tells, names in ((False, ["root"]), (True, ["root", "cloudinitdisk"])):
        found = Machine(tells_cloud_init_disk=tells).read(cluster, MACHINE)
        assert found is not None
        assert [each["name"] for each in found["disk"]] == names
