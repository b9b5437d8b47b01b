"""The cluster's playbooks on real machines in emulation, with the stand-in for RKE2."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.cluster.health import health
from appliance.cluster.inventory import cluster_of
from appliance.cluster.kubeconfig import fetch_kubeconfig
from appliance.lab import cloud_image, rke2
from appliance.site.plan import Plan
from appliance.tools.cache import cache_folder
from tests.clusters import RKE2, cluster_plan
from tests.lab.cluster_members import Members, members

# Alone on two cores, in emulation: 7 minutes for all of them.
pytestmark = [pytest.mark.rehearsal, pytest.mark.long, pytest.mark.timeout(2400)]

IMAGE = "cloud.img"


def files(plan: Plan) -> dict[str, Path]:
    """Give the cluster's artifacts by their names in the depot."""
    folder = rke2.build(cache_folder(), RKE2)
    return {name: folder / name.partition("_")[2] for name in cluster_of(plan).artifacts}


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Members, dict[str, str]]]:
    """Give a server and an agent under the CIS profile, the cluster made of them."""
    plan = cluster_plan(servers=1, agents=1, profile="cis")
    artifacts = files(plan)
    digests = {
        name: f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        for name, path in artifacts.items()
    }
    image = cloud_image.build(cache_folder(), IMAGE) / IMAGE
    folder = tmp_path_factory.mktemp("cluster")
    with members(plan, folder, image, artifacts) as lab:
        lab.start("server1", "agent1")
        result = lab.play(digests)
        assert result.failure is None, result.failure
        assert all(each.changed for each in result.hosts.values())
        yield lab, digests


def nodes(lab: Members, plan: Plan) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give the ready nodes, and what is missing."""
    kubeconfig = lab.inside(lambda: fetch_kubeconfig(plan, lab.key, lab.known_hosts))
    found = lab.inside(lambda: health(kubeconfig, plan))
    return found.ready, found.reasons


def test_again_changes_nothing(one: tuple[Members, dict[str, str]]) -> None:
    """The API is healthy by its own words, and a second run reports no change on any host."""
    lab, digests = one
    assert nodes(lab, lab.plan) == (("server1", "agent1"), ())
    result = lab.play(digests)

    assert result.failure is None
    assert {host: each.changed for host, each in result.hosts.items()} == {
        "server1": 0,
        "agent1": 0,
    }


def test_the_token_is_in_no_journal(one: tuple[Members, dict[str, str]]) -> None:
    """Ansible logs what its modules are asked, on the machine itself."""
    lab, _ = one
    for name in ("server1", "agent1"):
        assert (
            lab.ssh(name, "sudo journalctl -b | grep -c cluster-token-3791 || true").strip() == "0"
        )
        assert lab.ssh(name, "sudo stat -c %a /etc/rancher/rke2/config.yaml").strip() == "600"


def test_one_more_agent_joins_and_touches_no_other(one: tuple[Members, dict[str, str]]) -> None:
    """Refused while it has no default route, and while its token is wrong; then it joins."""
    lab, digests = one
    lab.plan = cluster_plan(servers=1, agents=2, profile="cis")
    lab.start("agent2")
    lab.ssh("agent2", "sudo ip route del default")
    refused = lab.play(digests).failure
    assert refused is not None
    assert (refused.host, "no default route" in refused.message) == ("agent2", True)

    lab.ssh("agent2", "sudo ip route add default via 10.20.0.1")
    stranger = lab.play(digests, token="another-token", limit="agent2").failure
    assert stranger is not None
    assert "401 Unauthorized" in stranger.message

    joined = lab.play(digests)
    assert joined.failure is None
    assert {host: bool(each.changed) for host, each in joined.hosts.items()} == {
        "server1": False,
        "agent1": False,
        "agent2": True,
    }
    assert nodes(lab, lab.plan) == (("server1", "agent1", "agent2"), ())


def test_stopped_and_started_again(one: tuple[Members, dict[str, str]]) -> None:
    """Nothing runs or would start by itself; then everything is as before."""
    lab, digests = one
    assert lab.play(digests, playbook="cluster_stop.yml").failure is None
    state = "systemctl is-active rke2-server rke2-agent; systemctl is-enabled rke2-server || true"
    assert "enabled" not in lab.ssh("server1", state).split()
    assert lab.play(digests, playbook="cluster_stop.yml").changed == 0

    assert lab.play(digests).failure is None
    assert nodes(lab, lab.plan)[1] == ()
    assert lab.play(digests).changed == 0
