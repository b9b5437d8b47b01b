"""All objects of a cluster, made from what its servers know."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from appliance.lab.rke2.program import objects
from appliance.lab.rke2.program.liveness import Condition
from appliance.lab.rke2.program.objects import Cluster
from appliance.lab.rke2.program.pods import NodeState
from tests.unit.lab.rke2.program.test_pods import LOST, RKE2, node


def state(name: str, role: str = "server", **changed: Any) -> NodeState:
    """A node with all that a Node object shows."""
    shown: dict[str, Any] = {
        "labels": {"kubernetes.io/hostname": name},
        "annotations": {},
        "taints": [],
        "unschedulable": False,
        "capacity": {"cpu": "1", "memory": "1Ki", "pods": "110"},
        "info": {
            "kubeletVersion": "v1.36.3+rke2r1",
            "osImage": "Debian",
            "kernelVersion": "6.1",
            "containerRuntimeVersion": "containerd://none",
        },
    }
    return node(name, role, **{**shown, **changed})


def build(*nodes: NodeState, stored: tuple[dict[str, Any], ...] = ()) -> dict[str, dict[str, Any]]:
    """All objects by `kind/name`."""
    cluster = Cluster(
        product="rke2",
        version="v1.36.3+rke2r1",
        created="2026-01-01T00:00:00Z",
        document={},
        needs=RKE2,
        nodes=nodes,
        renewed={"cp1": "2026-01-03T00:00:00Z"},
        servers=["10.0.0.1"],
        stored=stored,
        service_address="10.43.0.1",
        dns_address="10.43.0.10",
    )
    return {f"{o['kind']}/{o['metadata']['name']}": o for _, o in objects.build(cluster)}


def ready(shown: dict[str, Any]) -> dict[str, Any]:
    """A node's Ready condition."""
    found: dict[str, Any] = shown["status"]["conditions"][-1]
    return found


def test_a_node_has_what_clients_read() -> None:
    """Addresses, versions, images, four conditions."""
    shown = build(state("cp1"))["Node/cp1"]

    assert {"type": "InternalIP", "address": "10.0.0.1"} in shown["status"]["addresses"]
    assert shown["status"]["nodeInfo"]["kubeletVersion"] == "v1.36.3+rke2r1"
    assert len(shown["status"]["images"]) == len(RKE2.all())
    assert (ready(shown)["type"], ready(shown)["status"]) == ("Ready", "True")
    assert "taints" not in shown["spec"]


def test_a_lost_node_is_tainted_and_all_its_conditions_are_unknown() -> None:
    """As the node controller does."""
    shown = build(replace(state("cp1"), condition=LOST))["Node/cp1"]

    assert {c["status"] for c in shown["status"]["conditions"]} == {"Unknown"}
    assert shown["spec"]["taints"][0]["key"] == "node.kubernetes.io/unreachable"


def test_a_node_without_network_says_so() -> None:
    """Its own word: not ready, not unknown."""
    told = Condition("False", "KubeletNotReady", "cni plugin not initialized", "t", "t")
    shown = build(replace(state("cp1"), condition=told))["Node/cp1"]

    assert ready(shown)["message"] == "cni plugin not initialized"
    assert shown["spec"]["taints"][0]["key"] == "node.kubernetes.io/not-ready"


def test_a_cordoned_node_shows_it_twice() -> None:
    """As a field and as a taint; neither of the cluster's own taints is kept when written."""
    taints = [{"key": "a", "effect": "NoSchedule"}]
    shown = build(state("cp1", unschedulable=True, taints=taints))["Node/cp1"]

    assert shown["spec"]["unschedulable"]
    assert len(shown["spec"]["taints"]) == 2
    assert objects.own_taints(shown["spec"]["taints"]) == taints


def test_a_lease_shows_when_it_was_renewed() -> None:
    """With parts of a second, which clients expect of it."""
    shown = build(state("cp1"))["Lease/cp1"]
    assert shown["metadata"]["namespace"] == "kube-node-lease"
    assert shown["spec"]["renewTime"] == "2026-01-03T00:00:00.000000Z"


def test_services_have_their_addresses() -> None:
    """Kubernetes' own and the DNS'."""
    shown = build(state("cp1"))
    assert shown["Service/kubernetes"]["spec"]["clusterIP"] == "10.43.0.1"
    assert shown["Service/rke2-coredns-rke2-coredns"]["spec"]["clusterIP"] == "10.43.0.10"
    assert shown["Endpoints/kubernetes"]["subsets"][0]["addresses"] == [{"ip": "10.0.0.1"}]


def test_events_tell_where_images_came_from() -> None:
    """Each was there, or cannot be had."""
    whole = [o for o in build(state("cp1")).values() if o["kind"] == "Event"]
    some = [o for o in build(state("cp1", images=())).values() if o["kind"] == "Event"]

    assert {e["reason"] for e in whole} == {"Starting", "RegisteredNode", "NodeReady", "Pulled"}
    assert "BackOff" in {e["reason"] for e in some}
    assert "Pulled" not in {e["reason"] for e in some}


def test_stored_objects_are_shown_unless_they_are_made() -> None:
    """The default namespace is always the cluster's own."""

    def namespace(name: str) -> dict[str, Any]:
        return {"kind": "Namespace", "metadata": {"name": name, "uid": "mine"}}

    shown = build(state("cp1"), stored=(namespace("trial"), namespace("default")))
    assert shown["Namespace/trial"]["metadata"]["uid"] == "mine"
    assert shown["Namespace/default"]["metadata"]["uid"] != "mine"


def test_a_network_needs_its_images() -> None:
    """K3s brings its own inside the program; with `cni: none` there is none."""
    present = frozenset(RKE2.all())
    assert objects.network_ready(present, RKE2.network, "canal")[0]
    assert not objects.network_ready(present - {RKE2.network[0]}, RKE2.network, "canal")[0]
    assert not objects.network_ready(present, (), "none")[0]
    assert objects.network_ready(frozenset(), (), "embedded")[0]
    assert "cni plugin not initialized" in objects.network_ready(present, (), "none")[1]
