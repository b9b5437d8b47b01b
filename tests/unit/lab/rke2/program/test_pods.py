"""The pods a cluster shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from appliance.lab.rke2.program import pods
from appliance.lab.rke2.program.images import needs
from appliance.lab.rke2.program.liveness import Condition
from appliance.lab.rke2.program.options import Product
from appliance.lab.rke2.program.pods import NodeState

RKE2 = needs(Product("rke2", "v1.36.3+rke2r1"))
K3S = needs(Product("k3s", "v1.36.3+k3s1"))
READY = Condition("True", "KubeletReady", "", "t", "t")
LOST = Condition("Unknown", "NodeStatusUnknown", "", "t", "t")


def node(
    name: str, role: str = "server", images: tuple[str, ...] = RKE2.all(), **changed: Any
) -> NodeState:
    """A node as it registered itself."""
    record: dict[str, Any] = {
        "name": name,
        "role": role,
        "uid": f"uid-{name}",
        "address": "10.0.0.1",
        "podCIDR": "10.42.3.0/24",
        "created": f"2026-01-01T00:00:0{name[-1]}Z",
        "booted": "2026-01-02T00:00:00Z",
        "boots": 2,
        "images": [{"names": [each], "digest": "sha256:1", "size": 1} for each in images],
    }
    return NodeState(name, {**record, **changed}, READY)


def shown(nodes: list[NodeState], **document: Any) -> dict[str, dict[str, Any]]:
    """All pods by the start of their name and their node."""
    chosen = pods.settings("rke2", document, RKE2)
    cni = document.get("cni", "canal")
    return {
        f"{work.name}@{where.name}": pods.pod(work, where, number)
        for number, (work, where) in enumerate(pods.placed(nodes, RKE2, chosen, cni))
    }


def test_a_server_runs_the_control_plane_and_an_agent_does_not() -> None:
    """Static pods are named after their node; what is one of a kind is on the oldest server."""
    found = shown([node("w0", "agent"), node("cp2"), node("cp1")])

    assert found["etcd@cp1"]["metadata"]["name"] == "etcd-cp1"
    assert "etcd@w0" not in found
    assert {"kube-proxy@w0", "rke2-canal@w0", "rke2-traefik@w0"} <= found.keys()
    assert [k for k in found if k.startswith("rke2-metrics-server@")] == ["rke2-metrics-server@cp1"]
    assert {p["status"]["phase"] for p in found.values()} == {"Running", "Succeeded"}


def test_what_is_one_of_a_kind_moves_to_a_ready_server() -> None:
    """And stays with what there is when none is ready."""
    lost = replace(node("cp1"), condition=LOST)
    assert "rke2-metrics-server@cp2" in shown([lost, node("cp2")])
    assert "rke2-metrics-server@cp1" in shown([lost])


def test_a_missing_image_is_not_there() -> None:
    """As on a site without Internet: it would have to be pulled, and cannot be."""
    some = tuple(each for each in RKE2.all() if each not in RKE2.network)
    found = shown([node("cp1", images=some)])["rke2-canal@cp1"]
    states = [c["state"]["waiting"] for c in found["status"]["containerStatuses"]]

    assert found["status"]["phase"] == "Pending"
    assert {state["reason"] for state in states} == {"ImagePullBackOff"}
    assert RKE2.network[0] in states[0]["message"]


def test_pods_of_a_lost_node_are_not_ready() -> None:
    """They are still shown, as Kubernetes does."""
    found = shown([replace(node("cp1"), condition=LOST)])["etcd@cp1"]
    ready = next(c for c in found["status"]["conditions"] if c["type"] == "Ready")
    assert found["status"]["phase"] == "Running"
    assert ready["status"] == "False"


def test_names_and_ids_stay_the_same() -> None:
    """Made from what they are of, not at random; another node has another."""
    one, again = shown([node("cp1")]), shown([node("cp1")])
    assert one == again
    names = {p["metadata"]["name"] for p in shown([node("cp1"), node("cp2")]).values()}
    assert len(names) == len(shown([node("cp1"), node("cp2")]))


@pytest.mark.parametrize(
    ("document", "gone"),
    [
        ({"cni": "none"}, "rke2-canal"),
        ({"ingress": "none"}, "rke2-traefik"),
        ({"disable": ["rke2-metrics-server"]}, "rke2-metrics-server"),
        ({"disable-kube-proxy": "true"}, "kube-proxy"),
        ({"disable-cloud-controller": "true"}, "cloud-controller-manager"),
    ],
)
def test_what_is_switched_off_is_not_shown(document: dict[str, Any], gone: str) -> None:
    """Nor is the job that would have installed it."""
    assert [k for k in shown([node("cp1")]) if k.startswith(f"{gone}@")] != []
    assert [k for k in shown([node("cp1")], **document) if f"{gone}@" in k] == []


def test_controllers_count_their_pods() -> None:
    """Wanted, ready, ended."""
    nodes = [node("cp1"), replace(node("cp2"), condition=LOST)]
    chosen = pods.settings("rke2", {}, RKE2)
    every = list(shown(nodes).values())
    made = pods.controllers(every, pods.workloads(RKE2, chosen, "canal"), "t")
    found = {(each["kind"], each["metadata"]["name"]): each["status"] for each in made}

    canal = found["DaemonSet", "rke2-canal"]
    assert (canal["desiredNumberScheduled"], canal["numberReady"]) == (2, 1)
    assert found["Deployment", "rke2-metrics-server"]["readyReplicas"] == 1
    assert found["Job", "helm-install-rke2-canal"] == {"succeeded": 1, "active": 0}


def test_k3s_runs_its_parts_inside_itself() -> None:
    """Only what is a pod there is shown."""
    chosen = pods.settings("k3s", {}, K3S)
    found = [w.name for w, _ in pods.placed([node("cp1", images=K3S.all())], K3S, chosen, "")]
    assert "coredns" in found
    assert not [name for name in found if name.startswith(("etcd", "kube-", "rke2-"))]


def test_generated_letters() -> None:
    """No vowels, so that they make no words."""
    assert len(pods.suffix("a", 10)) == 10
    assert not set(pods.suffix("a", 10)) & set("aeiou013")
    assert pods.uid("a", "b") == pods.uid("a", "b") != pods.uid("a", "c")
