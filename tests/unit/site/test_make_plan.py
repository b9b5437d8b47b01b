"""Site to Plan: what machines are told, who is armed and why not, the same to the byte."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.site.freeze import propose
from appliance.site.make_plan import make_plan
from appliance.site.model import Site
from appliance.site.plan import Plan, Role
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
                "until then name the disk by /dev/disk/by-id",
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
