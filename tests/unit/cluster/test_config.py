"""What the cluster's machines are told."""

from __future__ import annotations

from appliance.cluster.config import (
    LAYOUTS,
    agent_config,
    host_config,
    registries,
    server_config,
    shared_config,
)
from appliance.cluster.inventory import cluster_of
from appliance.site.plan import Distribution
from tests.clusters import K3S, cluster_plan, without_staging


def test_one_more_server_changes_nothing_on_the_others() -> None:
    """What is equal on all servers names none of them: their certificates need not be made anew."""
    before, after = cluster_plan(servers=1), cluster_plan(servers=3)

    assert server_config(before, cluster_of(before)) == server_config(after, cluster_of(after))
    assert host_config(before, cluster_of(before), before.vm("server1")) == host_config(
        after, cluster_of(after), after.vm("server1")
    )


def test_every_planned_name_is_in_some_servers_certificate() -> None:
    """The plan's `names` are all there, split into what is shared and what is one server's."""
    plan = cluster_plan()
    cluster = cluster_of(plan)
    told = [host_config(plan, cluster, plan.vm(name))["tls-san"] for name in cluster.servers]

    assert set(cluster.names) == {
        *server_config(plan, cluster)["tls-san"],
        *(name for names in told for name in names),
    }
    assert server_config(plan, cluster)["tls-san"] == [cluster.registration]


def test_agents_have_no_certificate_to_name() -> None:
    """`tls-san` and `cni` are a server's."""
    plan = cluster_plan()
    cluster = cluster_of(plan)

    assert agent_config(cluster) == {}
    assert host_config(plan, cluster, plan.vm("agent1")) == {
        "node-name": "agent1",
        "node-ip": str(plan.vm("agent1").address),
    }


def test_cis_is_a_profile_of_rke2_and_kernel_defaults_of_k3s() -> None:
    """Each distribution by its own key."""
    rke2, k3s = cluster_plan(profile="cis"), cluster_plan(k3s=K3S, profile="cis")

    assert shared_config(rke2, cluster_of(rke2))["profile"] == "cis"
    assert "profile" not in shared_config(k3s, cluster_of(k3s))
    assert shared_config(k3s, cluster_of(k3s))["protect-kernel-defaults"] is True
    assert server_config(k3s, cluster_of(k3s))["secrets-encryption"] is True


def test_only_the_first_k3s_server_founds() -> None:
    """Without `cluster-init` K3s keeps its state where no second server can join."""
    plan = cluster_plan(k3s=K3S)
    cluster = cluster_of(plan)
    told = [host_config(plan, cluster, plan.vm(name)) for name in cluster.members]

    assert [each.get("cluster-init") for each in told] == [True, None, None, None]


def test_images_come_from_the_staging_machine_or_from_nowhere() -> None:
    """Its registry mirrors every other, and none is asked behind it."""
    plan = cluster_plan()

    assert registries(plan)["mirrors"]["*"] == {"endpoint": ["http://registry.alpha.internal:5000"]}
    assert shared_config(plan, cluster_of(plan))["disable-default-registry-endpoint"] is True
    assert registries(without_staging(plan)) == {}
    assert shared_config(without_staging(plan), cluster_of(plan)) == {}


def test_layouts() -> None:
    """The kubeconfig and the images' folder are where upstream's documents put them."""
    assert LAYOUTS[Distribution.RKE2].kubeconfig == "/etc/rancher/rke2/rke2.yaml"
    assert LAYOUTS[Distribution.K3S].kubeconfig == "/etc/rancher/k3s/k3s.yaml"
    assert LAYOUTS[Distribution.RKE2].images == "/var/lib/rancher/rke2/agent/images"
