"""All virtual machines of a site in one list."""

from __future__ import annotations

from appliance.site.plan import VmKind
from appliance.site.vms import wanted_vms
from tests.sites import site

RKE2 = "v1.36.3+rke2r1"
VM_NETWORK = {"cidr": "10.21.0.0/24", "vlan": "21"}


def test_the_order_is_staging_servers_agents_plain() -> None:
    """Servers by number, plain ones by name."""
    made = site(
        cluster={"rke2": RKE2, "agents": "2"}, vms={"b": {}, "a": {}}, staging={"memory": "1G"}
    )
    assert [(each.name, each.kind) for each in wanted_vms(made)] == [
        ("staging", VmKind.STAGING),
        ("server1", VmKind.SERVER),
        ("server2", VmKind.SERVER),
        ("server3", VmKind.SERVER),
        ("agent1", VmKind.AGENT),
        ("agent2", VmKind.AGENT),
        ("a", VmKind.PLAIN),
        ("b", VmKind.PLAIN),
    ]
    assert wanted_vms(site()) == ()


def test_they_stand_on_the_network_for_them() -> None:
    """Staging always on the provisioning one, where the laptop takes its place until it runs."""
    made = site(
        networks__vm=VM_NETWORK,
        cluster={"rke2": RKE2, "servers": "1"},
        vms={"app": {}, "odd": {"network": "main"}},
    )
    assert {each.name: each.network for each in wanted_vms(made)} == {
        "staging": "main",
        "server1": "vm",
        "app": "vm",
        "odd": "main",
    }


def test_what_the_cluster_says_is_each_members() -> None:
    """Image, keys, network, whether it runs; an address only of its own."""
    key = f"ssh-ed25519 {'A' * 48} me"
    made = site(
        cluster={
            "rke2": RKE2,
            "servers": "1",
            "agents": "1",
            "active": False,
            "image": "own",
            "ssh_keys": [key],
            "addresses": {"agent1": "10.20.0.77"},
            "sizes": {"agents": {"cpus": "8"}},
        },
        images={"own": {"file": "own.img"}},
        staging={"enabled": False},
    )
    server, agent = wanted_vms(made)
    assert (server.running, server.image, server.ssh_keys) == (False, "own", (key,))
    assert (server.address, str(agent.address)) == (None, "10.20.0.77")
    assert (server.size.cpus, agent.size.cpus) == (2, 8)


def test_what_is_installed_by_hand_settles_its_own_address() -> None:
    """Unless one is said."""
    made = site(
        vms={"a": {"iso": "cd"}, "b": {"iso": "cd", "address": "10.20.0.9"}, "c": {}},
        staging={"enabled": False},
    )
    assert [(each.image, each.iso, each.settles_its_own) for each in wanted_vms(made)] == [
        (None, "cd", True),
        (None, "cd", False),
        ("ubuntu-24.04", None, False),
    ]
