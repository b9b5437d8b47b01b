"""Site to Plan: what machines are told, who is armed and why not, the same to the byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.site.fields import GIB
from appliance.site.freeze import propose
from appliance.site.make_plan import make_plan
from appliance.site.model import Site
from appliance.site.plan import Distribution, Plan, Role, VmKind
from tests.sites import machine, site


def planned(machines: dict[str, Any] | None = None, **changes: Any) -> Plan:
    """Give the Plan of a site seen for the first time."""
    made = site(machines, **changes)
    return make_plan(made, propose(made))


def test_the_create_node_comes_first() -> None:
    """Then the joins by name."""
    plan = planned({"a": machine(1), "c": machine(3, role="create"), "b": machine(2)})
    assert [each.name for each in plan.machines] == ["c", "a", "b"]
    assert [each.role for each in plan.machines] == [Role.CREATE, Role.JOIN, Role.JOIN]


def test_the_provisioning_network_comes_first() -> None:
    """Whatever its name."""
    plan = planned(
        networks={
            "a-vm": {"cidr": "10.21.0.0/24", "vlan": "21"},
            "z-boot": {"cidr": "10.20.0.0/24", "role": "provisioning"},
        }
    )
    assert [each.name for each in plan.networks] == ["z-boot", "a-vm"]
    assert [each.role for each in plan.networks] == ["provisioning", "vm"]
    assert plan.base_url == "http://10.20.0.2"


def test_names_for_the_sites_dns() -> None:
    """Machines, the cluster under two names, and the bridge; within the zone."""
    plan = planned({"hv1": machine(1, hostname="one")})
    assert [(name, str(address)) for name, address in plan.hosts] == [
        ("one", "10.20.0.11"),
        ("bridge", "10.20.0.2"),
        ("harvester", "10.20.0.10"),
        ("vip", "10.20.0.10"),
    ]
    assert plan.zone == "alpha.internal"


def test_a_single_node_keeps_one_copy() -> None:
    """And says that it is single."""
    assert planned().hypervisor.single_node
    assert planned().hypervisor.storage_replicas == 1
    three = planned({f"hv{n}": machine(n) for n in (1, 2, 3)}).hypervisor
    assert (three.single_node, three.storage_replicas) == (False, 3)


def test_ipxe_by_firmware() -> None:
    """BIOS has its own build; a machine may have another."""
    plan = planned(
        {
            "a": machine(1, firmware="bios"),
            "b": machine(2, firmware="uefi-http"),
            "c": machine(3),
            "d": machine(4, ipxe="ipxe.efi"),
        },
        hypervisor__harvester="v1.7.3",
    )
    builds = [each.ipxe for each in plan.machines]
    assert builds == ["undionly.kpxe", "snponly.efi", "snponly.efi", "ipxe.efi"]


@pytest.mark.parametrize(
    ("said", "reasons"),
    [
        ({"mac": "52:54:00:00:00:01", "disk": "/dev/disk/by-id/x"}, []),
        ({"mac": "52:54:00:00:00:01", "disk": "/dev/disk/by-path/x"}, []),
        ({"mac": "52:54:00:00:00:01"}, ["no disk is named"]),
        ({"disk": "/dev/disk/by-id/x"}, ["no MAC address is given"]),
        (
            {"mac": "52:54:00:00:00:01", "disk": "size >= 250G"},
            [
                "its disk is a selector ('size >= 250G'), which discovery resolves",
                "when the machine boots from the network",
            ],
        ),
        ({}, ["no MAC address is given", "no disk is named"]),
    ],
)
def test_who_is_armed(said: dict[str, Any], reasons: list[str]) -> None:
    """A machine is armed with a MAC and a disk by path; every reason against it is said."""
    reason = planned({"hv1": said}).machines[0].not_armed
    assert (reason is None) is (reasons == [])
    assert all(each in (reason or "") for each in reasons)


def test_what_depends_on_the_laptop_is_noted() -> None:
    """Until the site names its own DNS and NTP, the Plan says what would be lost."""
    plan = planned()
    assert plan.networks[0].dns == (plan.networks[0].bridge,)
    assert "leaves with the laptop" in plan.notes[0]
    assert "for DNS and NTP" in plan.notes[0]
    partly = planned(networks__main__ntp=["10.20.0.1"])
    assert "for DNS," in partly.notes[0]
    own = planned(networks__main={"dns": ["10.20.0.3"], "ntp": ["10.20.0.1"]})
    assert not any("laptop" in note for note in own.notes)


def test_other_notes() -> None:
    """A gateway nobody named, two machines, small hardware."""
    notes = planned(
        {"hv1": machine(1), "hv2": machine(2)}, hypervisor__accept_small_hardware=True
    ).notes
    assert [note.split(" ")[0] for note in notes] == ["the", "the", "two", "accept_small_hardware:"]
    said = planned(
        networks__main={"gateway": "10.20.0.1", "dns": ["10.20.0.3"], "ntp": ["10.20.0.3"]}
    )
    assert said.notes == ()


_NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True), min_size=1, unique=True)


def of(names: list[str]) -> Site:
    """Give a site of machines with these names, in this order."""
    return site({name: {} for name in names})


@given(_NAMES, st.randoms(use_true_random=False))
def test_the_order_of_the_file_never_changes_the_plan(names: list[str], random: Any) -> None:
    """To the digest."""
    shuffled = list(names)
    random.shuffle(shuffled)
    first, second = of(names), of(shuffled)
    assert make_plan(first, propose(first)).digest() == make_plan(second, propose(second)).digest()


@given(_NAMES, st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True))
def test_inserting_a_machine_changes_no_other(names: list[str], name: str) -> None:
    """Every machine that was in the Plan is in it as before."""
    frozen = propose(of(names))
    before = make_plan(of(names), frozen)
    larger = of([name, *(each for each in names if each != name)])
    after = make_plan(larger, propose(larger, frozen))
    assert [each for each in after.machines if each.name in names] == list(before.machines)


# ------------------------------------------------------------- virtual machines

RKE2 = "v1.36.3+rke2r1"


def whole(**changes: Any) -> Plan:
    """Give the Plan of a cluster of three servers and an agent, and a plain machine."""
    return planned(**{"cluster": {"rke2": RKE2, "agents": "1"}, "vms": {"app": {}}, **changes})


def test_virtual_machines_in_their_order() -> None:
    """Staging, servers, agents, plain ones; each as it was settled."""
    plan = whole(vms={"app": {"memory": "6G", "efi": False, "pci": ["hv1-000001010"]}})
    names = ["staging", "server1", "server2", "server3", "agent1", "app"]
    assert [each.name for each in plan.vms] == names
    app = plan.vm("app")
    assert (app.kind, app.network, app.image) == (VmKind.PLAIN, "main", "ubuntu-24.04")
    assert (app.memory, app.efi, app.pci_devices) == (6 * GIB, False, ("hv1-000001010",))
    assert str(app.address) == "10.20.0.55"
    assert len({each.mac for each in plan.vms}) == len(plan.vms)


def test_the_cluster() -> None:
    """Its members, what its certificate holds, its files."""
    cluster = whole().cluster
    assert cluster is not None
    assert cluster.members == ("server1", "server2", "server3", "agent1")
    assert (cluster.distribution, cluster.version) == (Distribution.RKE2, RKE2)
    assert cluster.registration == "cluster.alpha.internal"
    assert cluster.names == (
        "cluster.alpha.internal",
        "server1.alpha.internal",
        "server2.alpha.internal",
        "server3.alpha.internal",
        "server1",
        "server2",
        "server3",
        "10.20.0.51",
        "10.20.0.52",
        "10.20.0.53",
    )
    assert len(cluster.artifacts) == 5
    assert (cluster.cis, cluster.active) == (False, True)


def test_the_clusters_name_stands_for_every_server() -> None:
    """Or for the site's own load balancer, which its certificate then holds as well."""
    hosts = [str(address) for name, address in whole().hosts if name == "cluster"]
    assert hosts == ["10.20.0.51", "10.20.0.52", "10.20.0.53"]
    plan = whole(cluster={"rke2": RKE2, "address": "10.20.0.60", "profile": "cis"})
    assert [str(each) for name, each in plan.hosts if name == "cluster"] == ["10.20.0.60"]
    assert plan.cluster is not None
    assert plan.cluster.registration == "10.20.0.60"
    assert plan.cluster.names[:2] == ("10.20.0.60", "cluster.alpha.internal")
    assert plan.cluster.cis


def test_a_stopped_cluster_keeps_its_machines_stopped() -> None:
    """Staging and the others run on, and the Plan says so."""
    plan = whole(cluster={"k3s": "v1.36.3+k3s1", "servers": "1", "active": False})
    assert {each.name: each.running for each in plan.vms} == {
        "staging": True,
        "server1": False,
        "app": True,
    }
    assert plan.cluster is not None
    assert plan.cluster.distribution is Distribution.K3S
    assert "the cluster is stopped: cluster.active is false" in plan.notes


def test_all_that_is_built_asks_the_staging_machine() -> None:
    """For names and time, on every network, unless the site has its own servers."""
    plan = whole(networks__vm={"cidr": "10.21.0.0/24", "vlan": "21", "ntp": ["10.21.0.9"]})
    assert plan.staging is not None
    address = plan.staging.address
    assert plan.services == address
    assert [each.dns for each in plan.networks] == [(address,), (address,)]
    assert [str(each.ntp[0]) for each in plan.networks] == [str(address), "10.21.0.9"]
    assert not any("leaves with the laptop" in note for note in plan.notes)
    hosts = dict(plan.hosts)
    assert {hosts["staging"], hosts["registry"], hosts["ntp"]} == {address}


def test_without_a_staging_machine_the_bridge_answers() -> None:
    """On the network that it is on, and the Plan says what would be lost."""
    plan = whole(staging={"enabled": False}, networks__vm={"cidr": "10.21.0.0/24", "vlan": "21"})
    bridge = plan.provisioning.bridge
    assert (plan.staging, plan.services) == (None, bridge)
    assert [each.dns for each in plan.networks] == [(bridge,), (bridge,)]
    assert "leaves with the laptop" in plan.notes[0]
    assert "registry" not in dict(plan.hosts)


def test_what_the_registry_holds() -> None:
    """Names in the depot, and where some of them are from."""
    staging = whole(staging={"images": ["https://x.org/a/app.tar", "base.tar"]}).staging
    assert staging is not None
    assert staging.images == ("app.tar", "base.tar")
    assert staging.sources == ("https://x.org/a/app.tar",)


def test_images() -> None:
    """All that are written, and the default one where a machine starts from it."""
    plan = whole(
        images={
            "win": {"file": "win.iso", "sha256": "a" * 64},
            "deb": {"url": "https://cloud.debian.org/images/20260801/deb.qcow2"},
            "own": {"url": "https://x.org/own.img", "sums": "https://x.org/MD5"},
        }
    )
    found = {each.name: each for each in plan.images}
    assert list(found) == ["deb", "own", "ubuntu-24.04", "win"]
    assert found["ubuntu-24.04"].file == "20260814_ubuntu-24.04-server-cloudimg-amd64.img"
    assert found["ubuntu-24.04"].sums.endswith("/release-20260814/SHA256SUMS")
    assert (found["win"].iso, found["win"].url, found["win"].sums) == (True, "", "")
    assert found["deb"].sums == "https://cloud.debian.org/images/20260801/SHA512SUMS"
    assert found["own"].sums == "https://x.org/MD5"
    assert planned().images == ()


def test_what_people_should_know_of_virtual_machines() -> None:
    """Who needs the site's router, and who is installed by hand."""
    plan = whole(
        networks__vm={"cidr": "10.21.0.0/24", "vlan": "21"},
        vms={"old": {"iso": "win"}},
        images={"win": {"file": "win.iso"}},
    )
    routed = next(note for note in plan.notes if "the site's router" in note and "10.21" in note)
    assert routed.startswith("server1, server2, server3, agent1, old stand on network vm")
    assert any(note.startswith("old: the system is installed by hand") for note in plan.notes)
    assert plan.vm("old").address is None
    assert "old" not in dict(plan.hosts)


@given(st.randoms(use_true_random=False))
def test_the_order_of_virtual_machines_in_the_file_changes_nothing(random: Any) -> None:
    """To the digest."""
    names = ["c", "a", "b", "d"]
    shuffled = list(names)
    random.shuffle(shuffled)
    first, second = (planned(vms={name: {} for name in each}) for each in (names, shuffled))
    assert first.digest() == second.digest()
