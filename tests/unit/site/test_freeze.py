"""Freezing: proposals are kept, order never matters, nobody is moved, what is built stands."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import SiteFileError
from appliance.site.built import create_machine
from appliance.site.freeze import derived_mac, propose
from appliance.site.frozen import Frozen
from appliance.site.load import load_text
from appliance.site.model import Site
from appliance.site.rules import broken_rules
from tests.sites import machine, site

THREE = {f"hv{number}": machine(number) for number in (1, 2, 3)}
_NAMES = st.lists(st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True), min_size=1, unique=True)


def named(names: list[str], **changes: Any) -> Site:
    """Give a site of machines with these names, in this order."""
    return site({name: {} for name in names}, **changes)


def refused(made: Site, frozen: Frozen | None = None, built: frozenset[str] = frozenset()) -> str:
    """Give all that is said of what cannot be proposed."""
    with pytest.raises(SiteFileError) as caught:
        propose(made, frozen, built=built)
    assert all(problem.fix for problem in caught.value.problems)
    return str(caught.value)


def test_what_is_proposed_for_the_smallest_site() -> None:
    """Gateway first, bridge next, VIP and machines from .10, the pool in the last quarter."""
    frozen = propose(site(THREE))
    network = frozen.networks["main"]
    assert str(network.gateway) == "10.20.0.1"
    assert str(network.bridge) == "10.20.0.2"
    assert str(network.pool) == "10.20.0.192 to 10.20.0.254"
    assert str(frozen.vip) == "10.20.0.10"
    assert [str(each.address) for each in frozen.machines.values()] == [
        "10.20.0.11",
        "10.20.0.12",
        "10.20.0.13",
    ]
    assert frozen.create == "hv1"


def test_what_the_file_says_stands() -> None:
    """Proposals go round it, the pool as well."""
    made = site(
        {"hv1": machine(1, address="10.20.0.10", hostname="one"), "hv2": machine(2)},
        networks__main__bridge="10.20.0.250",
        hypervisor__vip="10.20.0.200",
    )
    frozen = propose(made)
    assert str(frozen.networks["main"].pool) == "10.20.0.201 to 10.20.0.249"
    assert str(frozen.machines["hv2"].address) == "10.20.0.11"
    assert frozen.machines["hv1"].hostname == "one"


def test_a_small_network_is_enough() -> None:
    """A /28 carries gateway, bridge, VIP, seven machines and a pool."""
    frozen = propose(named([f"hv{n}" for n in range(7)], networks__main__cidr="10.20.0.0/28"))
    assert len({each.address for each in frozen.machines.values()}) == 7
    assert str(frozen.networks["main"].pool) == "10.20.0.12 to 10.20.0.14"


def test_no_room_is_said() -> None:
    """The ninth machine of a /28 has no address."""
    made = named([f"hv{n}" for n in range(9)], networks__main__cidr="10.20.0.0/28")
    assert "10.20.0.0/28 has no address left to propose" in refused(made)


def test_a_large_network_costs_no_time() -> None:
    """Addresses are counted, not listed: a /8 has 16 million."""
    frozen = propose(site(networks__main__cidr="10.0.0.0/8"))
    assert str(frozen.networks["main"].pool) == "10.255.252.0 to 10.255.255.254"


def test_it_survives_the_store() -> None:
    """JSON and back is the same."""
    frozen = propose(site(THREE, networks__vm={"cidr": "10.21.0.0/24", "vlan": "21"}))
    assert Frozen.from_json(json.loads(json.dumps(frozen.as_json()))) == frozen


def test_what_is_no_frozen_site_is_refused() -> None:
    """A damaged store is a ValueError."""
    with pytest.raises(ValueError, match="site"):
        Frozen.from_json({"vip": "10.0.0.1"})


def test_proposing_again_changes_nothing() -> None:
    """The second run reads what the first froze."""
    made = site(THREE)
    first = propose(made)
    assert propose(made, first) == first


@given(_NAMES, st.randoms(use_true_random=False))
def test_the_order_of_the_file_never_matters(names: list[str], random: Any) -> None:
    """Any order of the same machines freezes the same."""
    shuffled = list(names)
    random.shuffle(shuffled)
    assert propose(named(names)) == propose(named(shuffled))


@given(_NAMES, _NAMES)
def test_inserting_machines_moves_nobody(names: list[str], more: list[str]) -> None:
    """Those that were there keep address, name and who creates the cluster."""
    first = propose(named(names))
    second = propose(named([*more, *(name for name in names if name not in more)]), first)
    assert {name: second.machines[name] for name in names} == first.machines
    assert (second.vip, second.networks, second.create) == (first.vip, first.networks, first.create)


@given(_NAMES, st.data())
def test_taking_machines_out_moves_nobody(names: list[str], data: st.DataObject) -> None:
    """A machine that comes back finds its address; meanwhile nobody is given it."""
    first = propose(named(names))
    kept = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    without = propose(named([*kept, "newcomer"]), first)
    again = propose(named([*names, "newcomer"]), without)
    assert {name: again.machines[name].address for name in names} == {
        name: each.address for name, each in first.machines.items()
    }


@given(_NAMES, st.integers(16, 28), st.sampled_from(["10.20.0.0", "192.168.0.0", "172.16.0.0"]))
def test_proposals_keep_the_rules(names: list[str], prefix: int, base: str) -> None:
    """What is proposed could have been written: no rule finds anything in it."""
    cidr = f"{base}/{prefix}"
    made = named(names[:6], networks__main__cidr=cidr)
    frozen = propose(made)
    network = frozen.networks["main"]
    said = named(
        names[:6],
        networks__main={
            "cidr": cidr,
            "gateway": str(network.gateway),
            "bridge": str(network.bridge),
            "pool": str(network.pool),
        },
        hypervisor__vip=str(frozen.vip),
        hypervisor__machines={
            name: {"address": str(each.address)} for name, each in frozen.machines.items()
        },
    )
    assert broken_rules(said) == ()
    assert IPv4Address(frozen.vip) in IPv4Network(cidr)


def test_what_is_said_later_stands_until_it_is_built() -> None:
    """A proposal may be corrected before the first installation."""
    first = propose(site(THREE))
    moved = {**THREE, "hv2": machine(2, address="10.20.0.50")}
    second = propose(site(moved, hypervisor__vip="10.20.0.60"), first)
    assert str(second.machines["hv2"].address) == "10.20.0.50"
    assert str(second.vip) == "10.20.0.60"
    assert second.machines["hv3"] == first.machines["hv3"]
    # And it is kept when the file says nothing any more.
    assert propose(site(THREE), second) == second


def test_nobody_is_moved_by_what_another_says() -> None:
    """Whoever had the address first keeps it; the newcomer is told."""
    first = propose(site(THREE))
    made = site({**THREE, "hv0": machine(4, address="10.20.0.12")})
    assert "10.20.0.12 was given to machine hv2 at first use" in refused(made, first)
    assert "was given to machine hv3" in refused(site(THREE, hypervisor__vip="10.20.0.13"), first)
    in_pool = site(THREE, networks__main__pool="10.20.0.12 to 10.20.0.50")
    said = refused(in_pool, first)
    assert "networks.main.pool: 10.20.0.12 in it was given to machine hv2 at first use" in said
    assert "networks.main.pool: 10.20.0.13 in it was given to machine hv3 at first use" in said
    bridge = site({**THREE, "hv0": machine(4, address="10.20.0.2")})
    assert "was given to the bridge at first use" in refused(bridge, first)
    taken = site({**THREE, "hv0": machine(4, address="10.20.0.10")})
    assert "was given to hypervisor.vip" in refused(taken, first)


def test_a_fixed_address_in_the_frozen_pool_is_refused() -> None:
    """The pool was proposed; an address written later must not be in it."""
    first = propose(site(THREE))
    made = site({**THREE, "hv4": machine(4, address="10.20.0.200")})
    assert "inside the dynamic range 10.20.0.192 to 10.20.0.254, proposed" in refused(made, first)


def test_another_subnet_is_proposed_anew_while_nothing_is_built() -> None:
    """Old addresses mean nothing in it."""
    first = propose(site(THREE))
    second = propose(site(THREE, networks__main__cidr="10.30.0.0/24"), first)
    assert str(second.machines["hv1"].address) == "10.30.0.11"


def test_another_site_starts_anew() -> None:
    """Frozen values are of one site."""
    first = propose(site(THREE, hypervisor__vip="10.20.0.99"))
    assert str(propose(site(THREE, site="beta"), first).vip) == "10.20.0.10"


BUILT = frozenset({"hv1"})


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            {"networks__main__cidr": "10.30.0.0/24"},
            "networks.main.cidr: 10.30.0.0/24 was 10.20.0.0/24",
        ),
        ({"networks": {"floor": {}}}, "networks.floor: hv1 were installed on another network"),
        (
            {"networks__main__gateway": "10.20.0.9"},
            "networks.main.gateway: 10.20.0.9 was 10.20.0.1",
        ),
        ({"hypervisor__vip": "10.20.0.99"}, "hypervisor.vip: 10.20.0.99 was 10.20.0.10"),
        ({"hypervisor__harvester": "v1.9.0"}, "hypervisor.harvester: v1.9.0 was v1.8.2"),
        (
            {"machines": {**THREE, "hv1": machine(1, address="10.20.0.77")}},
            "hv1.address: hv1 is installed with 10.20.0.11",
        ),
        (
            {"machines": {**THREE, "hv1": machine(1, hostname="one")}},
            "hv1.hostname: hv1 is installed with hv1",
        ),
        (
            {"machines": {**THREE, "hv2": machine(2, role="create")}},
            "hv2.role: hv1 created the cluster already",
        ),
        (
            {"machines": {"hv2": machine(2)}},
            "hypervisor.machines: hv1, which created the cluster, is no longer in the file",
        ),
    ],
)
def test_what_is_built_is_not_changed(changes: dict[str, Any], what: str) -> None:
    """It is refused, with what it would take; nothing is built: it is free."""
    first = propose(site(THREE))
    made = site(**{"machines": THREE, **changes})
    assert what in refused(made, first, BUILT)
    assert isinstance(propose(made, first), Frozen)


def test_what_is_not_built_may_change_beside_what_is() -> None:
    """A machine may be added, moved or taken out as long as it is not installed."""
    first = propose(site(THREE))
    made = site({"hv1": machine(1), "hv3": machine(3, address="10.20.0.33"), "hv4": machine(4)})
    second = propose(made, first, built=BUILT)
    assert second.machines["hv1"] == first.machines["hv1"]
    assert str(second.machines["hv3"].address) == "10.20.0.33"


_ADDRESSES = st.integers(1, 254).map(lambda number: f"10.20.0.{number}")


@given(
    addresses=st.dictionaries(st.sampled_from(["hv1", "hv2", "hv3", "new"]), _ADDRESSES),
    more=st.dictionaries(
        st.sampled_from(["hypervisor__vip", "networks__main__bridge", "networks__main__gateway"]),
        _ADDRESSES,
    ),
    pool=st.none() | st.tuples(st.integers(1, 254), st.integers(1, 254)),
    cidr=st.sampled_from(["10.20.0.0/24", "10.20.0.0/25", "10.20.0.0/23"]),
)
def test_whatever_is_changed_nothing_built_moves(
    addresses: dict[str, str], more: dict[str, str], pool: tuple[int, int] | None, cidr: str
) -> None:
    """Any change is refused, or leaves every installed machine, VIP and gateway as they were."""
    first = propose(site(THREE))
    changes: dict[str, Any] = {"networks__main__cidr": cidr, **more}
    if pool is not None:
        changes["networks__main__pool"] = f"10.20.0.{min(pool)} to 10.20.0.{max(pool)}"
    machines = {name: dict(said) for name, said in THREE.items()}
    for name, address in addresses.items():
        machines.setdefault(name, {})["address"] = address
    made = site(machines, **changes)
    try:
        second = propose(made, first, built=frozenset({"hv1", "hv3"}))
    except SiteFileError:
        return
    assert (second.vip, second.networks["main"].gateway) == (
        first.vip,
        first.networks["main"].gateway,
    )
    assert [second.machines[name] for name in ("hv1", "hv3")] == [
        first.machines[name] for name in ("hv1", "hv3")
    ]


def test_a_refusal_has_its_place_in_the_file() -> None:
    """Where the file is known, so is the line."""
    text = (
        "site: alpha\nhypervisor:\n  harvester: v1.8.2\n  vip: 10.20.0.99\n  machines: {hv1: {}}\n"
    )
    loaded = load_text(text, "alpha.yaml")
    first = propose(site({"hv1": {}}))
    with pytest.raises(SiteFileError, match=r"alpha\.yaml:4:8: hypervisor\.vip"):
        propose(loaded.site, first, built=BUILT, places=loaded.places)


def test_who_creates_the_cluster() -> None:
    """The one said, else the frozen, else the first by name that may."""
    frozen = propose(site(THREE))
    assert create_machine(site(THREE), None) == "hv1"
    assert create_machine(site({**THREE, "hv3": machine(3, role="create")}), frozen) == "hv3"
    assert create_machine(site({**THREE, "hv1": machine(1, role="join")}), frozen) == "hv2"
    assert create_machine(site({"a": {}, **THREE}), frozen) == "hv1"


# ------------------------------------------------------------- virtual machines

RKE2 = "v1.36.3+rke2r1"


def whole(agents: int = 1, **changes: Any) -> Site:
    """Give a site with a cluster and a plain machine."""
    said = {"cluster": {"rke2": RKE2, "agents": str(agents)}, "vms": {"app": {}}, **changes}
    return site(THREE, **said)


def addresses_of(frozen: Frozen) -> dict[str, str]:
    """Give the address of each virtual machine."""
    return {name: str(each.address) for name, each in frozen.vms.items()}


def test_what_is_proposed_for_virtual_machines() -> None:
    """Staging first, then servers, agents, plain ones; apart from the machines."""
    assert addresses_of(propose(whole())) == {
        "staging": "10.20.0.50",
        "server1": "10.20.0.51",
        "server2": "10.20.0.52",
        "server3": "10.20.0.53",
        "agent1": "10.20.0.54",
        "app": "10.20.0.55",
    }
    assert str(propose(whole()).staging) == "10.20.0.50"


def test_a_site_frozen_before_today_goes_on() -> None:
    """Machines, VIP, bridge and pool stay; virtual machines get what nobody has."""
    before = propose(site(THREE))
    after = propose(whole(), before, built=frozenset({"hv1", "hv2", "hv3"}))
    assert (after.vip, after.networks, after.machines) == (
        before.vip,
        before.networks,
        before.machines,
    )
    assert addresses_of(after)["staging"] == "10.20.0.50"


def test_a_virtual_machine_added_moves_nobody() -> None:
    """And one taken out keeps its address until it comes back."""
    first = propose(whole())
    larger = propose(whole(agents=3, vms={"aaa": {}, "app": {}}), first)
    assert {name: larger.vms[name] for name in first.vms} == first.vms
    assert addresses_of(larger)["agent2"] == "10.20.0.56"
    smaller = propose(whole(agents=0, vms={}), larger)
    assert smaller.vms.keys() == larger.vms.keys()
    again = propose(whole(agents=1, vms={"new": {}, "app": {}}), smaller)
    assert again.vms["app"] == first.vms["app"]
    assert addresses_of(again)["new"] == "10.20.0.59"


def test_every_card_is_its_own_and_stays() -> None:
    """Derived from site and name, locally administered; another site has others."""
    frozen = propose(whole(agents=20))
    cards = {each.mac for each in frozen.vms.values()}
    assert len(cards) == len(frozen.vms)
    assert all(card.startswith("02:") for card in cards)
    assert propose(whole(agents=20)).vms == frozen.vms
    other = propose(whole(agents=20, site="beta"))
    assert cards & {each.mac for each in other.vms.values()} == set()


def test_a_card_that_is_taken_is_not_given() -> None:
    """By chance or by malice: another is derived."""
    first = derived_mac("alpha", "app", ())
    assert derived_mac("alpha", "app", {first}) != first
    made = site({"hv1": machine(1, mac=first)}, vms={"app": {}})
    assert propose(made).vms["app"].mac != first


def test_each_network_gives_its_own_addresses() -> None:
    """A machine that moves to another gets one there, and leaves its old one."""
    networks: dict[str, Any] = {"networks__vm": {"cidr": "10.21.0.0/24", "vlan": "21"}}
    first = propose(whole(**networks))
    assert addresses_of(first)["server1"] == "10.21.0.50"
    assert addresses_of(first)["staging"] == "10.20.0.50"
    moved = propose(whole(**networks, vms={"app": {"network": "main"}}), first)
    assert addresses_of(moved)["app"] == "10.20.0.51"
    assert {name: moved.vms[name] for name in ("server1", "agent1")} == {
        name: first.vms[name] for name in ("server1", "agent1")
    }


def test_what_is_said_of_a_virtual_machine_stands() -> None:
    """Proposals go round it; whoever had it first is not moved by it."""
    said = whole(vms={"app": {"address": "10.20.0.51"}}, staging={"address": "10.20.0.60"})
    assert addresses_of(propose(said)) == {
        "staging": "10.20.0.60",
        "server1": "10.20.0.50",
        "server2": "10.20.0.52",
        "server3": "10.20.0.53",
        "agent1": "10.20.0.54",
        "app": "10.20.0.51",
    }
    first = propose(whole())
    taken = whole(vms={"app": {}, "new": {"address": "10.20.0.52"}})
    assert "10.20.0.52 was given to virtual machine server2 at first use" in refused(taken, first)
    machines = {**THREE, "hv4": machine(4, address="10.20.0.55")}
    assert "was given to virtual machine app" in refused(
        site(machines, cluster={"rke2": RKE2, "agents": "1"}, vms={"app": {}}), first
    )
    balancer = whole(cluster={"rke2": RKE2, "agents": "1", "address": "10.20.0.53"})
    assert "cluster.address: 10.20.0.53 was given to virtual machine server3" in refused(
        balancer, first
    )


def test_what_is_installed_by_hand_gets_no_address() -> None:
    """Nothing of ours could tell it."""
    made = whole(vms={"app": {"iso": "cd"}}, images={"cd": {"file": "win.iso"}})
    vm = propose(made).vms["app"]
    assert (vm.address, vm.image) == (None, "win.iso")


def test_a_newer_default_image_changes_no_site() -> None:
    """Its URL is frozen where the file leaves it unsaid, and only there."""
    first = propose(whole())
    old = replace(first, images={"ubuntu-24.04": "https://x.org/20250101/old.img"})
    second = propose(whole(agents=2), old)
    assert second.images == old.images
    assert second.vms["agent2"].image == "20250101_old.img"
    said = whole(images={"ubuntu-24.04": {"url": "https://x.org/20260101/new.img"}})
    assert propose(said, old).images == {}
    assert propose(said, old).vms["app"].image == "20260101_new.img"


def test_a_full_network_is_said() -> None:
    """At its subnet."""
    crowded = whole(agents=9, networks__main__cidr="10.20.0.0/28")
    assert "networks.main.cidr: 10.20.0.0/28 has no address left to propose" in refused(crowded)


@given(
    names=st.lists(st.from_regex(r"vm[a-z0-9]{1,4}", fullmatch=True), unique=True, max_size=6),
    new=st.from_regex(r"new[a-z]{1,4}", fullmatch=True),
    servers=st.sampled_from(["1", "3", "5"]),
    agents=st.integers(0, 4),
)
def test_no_address_is_given_twice_and_nobody_moves(
    names: list[str], new: str, servers: str, agents: int
) -> None:
    """Whatever is asked for, and whatever is added to it."""
    cluster = {"rke2": RKE2, "servers": servers, "agents": str(agents)}
    first = propose(site(THREE, cluster=cluster, vms={name: {} for name in names}))
    held = [str(each.address) for each in first.vms.values()]
    held += [str(each.address) for each in first.machines.values()]
    held += [str(first.vip), str(first.networks["main"].bridge), "10.20.0.1"]
    assert len(set(held)) == len(held)
    assert not any(IPv4Address(each) in first.networks["main"].pool for each in held)
    larger = site({**THREE, "hv0": machine(9)}, cluster=cluster, vms={n: {} for n in [new, *names]})
    second = propose(larger, first)
    assert {name: second.vms[name] for name in first.vms} == first.vms
    assert {name: second.machines[name] for name in first.machines} == first.machines
