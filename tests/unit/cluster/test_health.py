"""Health: judged from what an API lists, and asked of a real one over TLS."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.cluster.health import Health, Seen, health, judge
from appliance.site.plan import Plan
from appliance.values import Secret
from tests.clusters import RKE2, cluster_plan, without_staging
from tests.kubernetes_api import Authority, kubeconfig, serving

PLAN = cluster_plan()


def node(plan: Plan, name: str) -> dict[str, Any]:
    """Give a healthy node as the API lists it."""
    assert plan.cluster is not None
    server = name in plan.cluster.servers
    return {
        "metadata": {
            "name": name,
            "labels": {"node-role.kubernetes.io/control-plane": "true"} if server else {},
        },
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": str(plan.vm(name).address)},
                {"type": "Hostname", "address": name},
            ],
            "conditions": [{"type": "Ready", "status": "True", "message": "kubelet is posting"}],
            "nodeInfo": {"kubeletVersion": plan.cluster.version},
        },
    }


def pod(name: str, phase: str = "Running", **changes: Any) -> dict[str, Any]:
    """Give a pod whose one container is ready."""
    made: dict[str, Any] = {
        "metadata": {"name": name, "namespace": "kube-system"},
        "spec": {"containers": [{"image": "rancher/mirrored-pause:3.6"}]},
        "status": {
            "phase": phase,
            "containerStatuses": [{"ready": phase == "Running", "state": {}}],
        },
    }
    for part, values in changes.items():
        made[part] |= values
    return made


def seen(plan: Plan = PLAN, **changes: Any) -> Seen:
    """Give what a healthy cluster's API lists."""
    assert plan.cluster is not None
    nodes = tuple(node(plan, name) for name in plan.cluster.members)
    return replace(Seen(nodes, (pod("etcd-server1"),), (), {"10.20.0.51": RKE2}), **changes)


def broken(change: Callable[[dict[str, Any]], None], name: str = "agent1") -> Seen:
    """Give a cluster one of whose nodes was changed."""
    nodes = [copy.deepcopy(dict(each)) for each in seen().nodes]
    change(next(each for each in nodes if each["metadata"]["name"] == name))
    return seen(nodes=tuple(nodes))


def test_a_healthy_cluster() -> None:
    """Every wanted node by name, and nothing to say."""
    assert judge(seen(), PLAN) == Health(("server1", "server2", "server3", "agent1"), (), 1, RKE2)
    assert judge(seen(), PLAN).ok


def _not_ready(each: dict[str, Any]) -> None:
    each["status"]["conditions"][0] |= {"status": "Unknown", "message": "stopped posting"}


def _elsewhere(each: dict[str, Any]) -> None:
    each["status"]["addresses"][0]["address"] = "10.20.0.99"


def _old(each: dict[str, Any]) -> None:
    each["status"]["nodeInfo"]["kubeletVersion"] = "v1.35.0+rke2r1"


def _promoted(each: dict[str, Any]) -> None:
    each["metadata"]["labels"] = {"node-role.kubernetes.io/control-plane": "true"}


@pytest.mark.parametrize(
    ("change", "reason", "is_ready"),
    [
        (_not_ready, "agent1 is not Ready: stopped posting", False),
        (_elsewhere, "agent1 has the address 10.20.0.99, not 10.20.0.54", True),
        (_old, f"agent1 is of version v1.35.0+rke2r1, not {RKE2}", True),
        (_promoted, "agent1 is a server, not an agent", True),
    ],
)
def test_what_can_be_wrong_with_a_node(
    change: Callable[[dict[str, Any]], None], reason: str, *, is_ready: bool
) -> None:
    """Each in a sentence that names the machine."""
    found = judge(broken(change), PLAN)

    assert found.reasons == (reason,)
    assert ("agent1" in found.ready) == is_ready


def test_nodes_that_are_missing_or_nobodys() -> None:
    """Both are told."""
    stranger = node(PLAN, "agent1") | {"metadata": {"name": "agent9"}}
    found = judge(seen(nodes=(*seen().nodes[:3], stranger)), PLAN)

    assert found.reasons == (
        "agent1 is not in the cluster",
        "a node agent9 is in it that the site file does not name",
    )


def test_a_server_of_another_version() -> None:
    """Half an upgrade shows."""
    found = judge(seen(versions={"10.20.0.51": RKE2, "10.20.0.52": "v1.35.0+rke2r1"}), PLAN)

    assert found.reasons == (f"the API at 10.20.0.52 is of version v1.35.0+rke2r1, not {RKE2}",)


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        (pod("a", "Pending"), "kube-system/a (Pending)"),
        (pod("a", status={"containerStatuses": [{"ready": False}]}), "kube-system/a (not ready)"),
        (
            pod(
                "a",
                status={
                    "containerStatuses": [
                        {"ready": False, "state": {"waiting": {"reason": "ImagePullBackOff"}}}
                    ]
                },
            ),
            "kube-system/a (ImagePullBackOff)",
        ),
    ],
)
def test_pods_that_are_not_up(listed: dict[str, Any], reason: str) -> None:
    """Named, with why."""
    assert judge(seen(pods=(listed,)), PLAN).reasons == (f"not up: {reason}",)


def test_many_pods_that_are_not_up() -> None:
    """Five are named, the others counted."""
    (reason,) = judge(seen(pods=tuple(pod(f"p{n}", "Pending") for n in range(8))), PLAN).reasons

    assert reason.endswith("kube-system/p4 (Pending) and 3 more")


def test_a_jobs_failed_attempt_counts_until_another_succeeded() -> None:
    """RKE2's own Helm jobs fail once or twice while the API is young."""
    owner = {"ownerReferences": [{"kind": "Job", "name": "helm-install-rke2-canal"}]}
    failed, done = (
        pod("a", "Failed", metadata=owner),
        pod("b", "Succeeded", metadata=owner),
    )

    assert judge(seen(pods=(failed,)), PLAN).reasons == ("not up: kube-system/a (Failed)",)
    assert judge(seen(pods=(failed, done)), PLAN).ok


@pytest.mark.parametrize(
    "allowed",
    [
        "docker.io/rancher/mirrored-pause:3.6",
        "rancher/mirrored-pause:3.6",
        "index.docker.io/rancher/mirrored-pause:3.6",
    ],
)
def test_images_of_the_archives(allowed: str) -> None:
    """Short and whole names are the same image."""
    assert judge(seen(), PLAN, [allowed]).ok


def test_an_image_from_outside() -> None:
    """Neither in the archives nor in the staging registry."""
    own = pod("own", spec={"containers": [{"image": "registry.alpha.internal:5000/app:1"}]})
    strange = pod("odd", spec={"initContainers": [{"image": "quay.io/odd/one:1"}]})
    found = judge(seen(pods=(own, strange)), PLAN, ["rancher/mirrored-pause:3.6"])

    assert found.reasons == (
        "the image quay.io/odd/one:1 is neither in the archives nor in the staging registry",
    )


def test_a_pull_where_nothing_is_to_pull_from() -> None:
    """Without a staging machine every image was imported, so no kubelet pulls any."""
    events = (
        {"reason": "Pulled", "message": 'Container image "a:1" already present on machine'},
        {"reason": "Pulling", "message": 'Pulling image "quay.io/odd/one:1"'},
    )

    assert judge(seen(events=events), PLAN).ok
    assert judge(seen(events=events), without_staging(PLAN)).reasons == (
        'an image was pulled from outside: Pulling image "quay.io/odd/one:1"',
    )


# --- over TLS


def answers() -> dict[str, Any]:
    """Give what a healthy API answers."""
    listed = seen()
    return {
        "/version": {"gitVersion": RKE2},
        "/api/v1/nodes": {"items": list(listed.nodes)},
        "/api/v1/pods": {"items": list(listed.pods)},
        "/api/v1/events": {"items": []},
    }


def asked(port: int, authority: Authority, signer: Authority | None = None) -> Health:
    """Ask the API at a port, with a kubeconfig of an authority and a client of a signer."""
    client = (signer or authority).sign("system:admin")
    return health(Secret(kubeconfig(authority, client, f"https://127.0.0.1:{port}")), PLAN)


def test_the_api_is_asked_with_our_certificate(tmp_path: Path) -> None:
    """It answers nobody else."""
    authority = Authority()
    with serving(authority, answers(), tmp_path) as port:
        assert asked(port, authority).ok
        stranger = asked(port, authority, Authority("other"))
    assert not stranger.ok
    assert stranger.reasons[0].startswith("the API at 127.0.0.1 does not answer")


def test_an_api_of_another_cluster(tmp_path: Path) -> None:
    """Its certificate is not the cluster's: nothing it says is believed."""
    with serving(Authority(), answers(), tmp_path) as port:
        found = asked(port, Authority())
    assert found.ready == ()
    assert "its certificate is not the cluster's" in found.reasons[0]


def test_an_api_that_does_not_list(tmp_path: Path) -> None:
    """It is up, and not yet of use."""
    authority = Authority()
    with serving(authority, {"/version": {"gitVersion": RKE2}}, tmp_path) as port:
        found = asked(port, authority)
    assert found.reasons == (
        "the API at 127.0.0.1 does not list: /api/v1/nodes gives 404 Not Found",
    )


def test_no_api(tmp_path: Path) -> None:
    """A reason, not an exception."""
    authority = Authority()
    with serving(authority, {}, tmp_path) as port:
        pass
    assert asked(port, authority).reasons == (
        "the API at 127.0.0.1 does not answer: Connection refused",
    )


def test_a_kubeconfig_that_is_none() -> None:
    """A reason as well."""
    assert not health(Secret("nonsense"), PLAN).ok
