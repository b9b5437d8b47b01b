"""Every rule of how machines are switched: a site that keeps it and one that breaks it."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pytest

from appliance.errors import SiteFileError
from appliance.site import bmc_rules, rules
from appliance.site.freeze import propose
from appliance.site.places import path_text
from tests.rule_cases import Case, each, finds_nothing, finds_one_thing, one, two
from tests.sites import site

MAC = "52:54:00:12:99:01"


def bmc(**changes: Any) -> dict[str, Any]:
    """Give a Redfish BMC as the file says it."""
    return {"bmc": {"address": "10.20.0.51", "user": "root", **changes}}


def pair(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """Give two machines with these BMCs."""
    return two(bmc(**first), bmc(**second))


CASES = [
    Case(
        bmc_rules.bmc_complete,
        one(**bmc()),
        one(bmc={"user": "root"}),
        "hypervisor.machines.hv1.bmc.address",
        "no address is given, and redfish needs one",
    ),
    Case(
        bmc_rules.bmc_complete,
        one(**bmc(type="ipmi")),
        one(bmc={"address": "10.20.0.51", "type": "ipmi"}),
        "hypervisor.machines.hv1.bmc.user",
        "no user is given, and ipmi needs one",
    ),
    Case(
        bmc_rules.bmc_complete,
        one(**bmc(system="1")),
        one(**bmc(type="ipmi", system="1")),
        "hypervisor.machines.hv1.bmc.system",
        "ipmi has no use for it",
    ),
    Case(
        bmc_rules.bmc_complete,
        one(**bmc(boot="disc")),
        one(**bmc(type="ipmi", boot="disc")),
        "hypervisor.machines.hv1.bmc.boot",
        "ipmi has no use for it",
    ),
    Case(
        bmc_rules.bmc_complete,
        one(**bmc(address="https://10.20.0.51")),
        one(**bmc(type="ipmi", address="https://10.20.0.51")),
        "hypervisor.machines.hv1.bmc.address",
        "https://10.20.0.51 is a URL, and IPMI has none",
    ),
    Case(
        bmc_rules.bmc_complete,
        one(bmc={"type": "wake-on-lan"}),
        {"machines": {"hv1": {"match": {"serial": "A1"}, "bmc": {"type": "wake-on-lan"}}}},
        "hypervisor.machines.hv1.bmc.type",
        "Wake-on-LAN needs the machine's MAC address",
    ),
    Case(
        bmc_rules.bmc_complete,
        one(bmc={"type": "by-hand"}),
        one(bmc={"type": "by-hand", "user": "root"}),
        "hypervisor.machines.hv1.bmc.user",
        "by-hand has no use for it",
    ),
    Case(
        bmc_rules.bmc_complete,
        one(**bmc(mac=MAC)),
        one(**bmc(mac=MAC, address="hv1-bmc.example")),
        "hypervisor.machines.hv1.bmc.mac",
        "only an IPv4 address can be given",
    ),
    Case(
        bmc_rules.bmc_systems_apart,
        pair({}, {"address": "10.20.0.52"}),
        pair({}, {"address": "https://10.20.0.51:443/"}),
        "hypervisor.machines.hv2.bmc.address",
        "https://10.20.0.51:443 switches hv1 already",
    ),
    Case(
        bmc_rules.bmc_systems_apart,
        pair({"system": "1"}, {"system": "2"}),
        pair({"system": "1"}, {"system": "1"}),
        "hypervisor.machines.hv2.bmc.address",
        "10.20.0.51 switches hv1 already",
    ),
    Case(
        bmc_rules.bmc_systems_apart,
        pair({"address": "10.20.0.51:8001"}, {"address": "10.20.0.51:8002"}),
        pair({"system": "1"}, {}),
        "hypervisor.machines.hv2.bmc.address",
        "not both say which system they are",
    ),
    Case(
        bmc_rules.bmc_addresses_apart,
        {"networks__main__pool": "10.20.0.200-10.20.0.250", **one(**bmc())},
        {"networks__main__pool": "10.20.0.50-10.20.0.60", **one(**bmc())},
        "hypervisor.machines.hv1.bmc.address",
        "10.20.0.51 is inside the dynamic range",
    ),
    Case(
        bmc_rules.bmc_addresses_apart,
        one(**bmc(address="192.168.7.255")),
        one(**bmc(address="10.20.0.255")),
        "hypervisor.machines.hv1.bmc.address",
        "10.20.0.255 is no host address of 10.20.0.0/24",
    ),
    Case(
        bmc_rules.bmc_addresses_apart,
        one(address="10.20.0.11", **bmc()),
        one(address="10.20.0.51", **bmc()),
        "hypervisor.machines.hv1.bmc.address",
        "10.20.0.51 is also hypervisor.machines.hv1.address",
    ),
    Case(
        bmc_rules.bmc_addresses_apart,
        {"hypervisor__vip": "10.20.0.10", **one(**bmc())},
        {"hypervisor__vip": "10.20.0.51", **one(**bmc())},
        "hypervisor.machines.hv1.bmc.address",
        "is also hypervisor.vip",
    ),
    Case(
        bmc_rules.bmc_addresses_apart,
        {"networks__main__gateway": "10.20.0.51", **one(**bmc())},
        {"networks__main__bridge": "10.20.0.51", **one(**bmc())},
        "hypervisor.machines.hv1.bmc.address",
        "is also networks.main.bridge",
    ),
    Case(
        bmc_rules.bmc_addresses_apart,
        one(**bmc(mac=MAC)),
        one(**bmc(mac="52:54:00:12:34:01")),
        "hypervisor.machines.hv1.bmc.mac",
        "52:54:00:12:34:01 is also hypervisor.machines.hv1",
    ),
    Case(
        bmc_rules.bmc_addresses_apart,
        pair({"mac": MAC}, {"address": "10.20.0.52", "mac": "52:54:00:12:99:02"}),
        pair({"mac": MAC}, {"address": "10.20.0.52", "mac": MAC}),
        "hypervisor.machines.hv2.bmc.mac",
        f"{MAC} is also hypervisor.machines.hv1.bmc.mac",
    ),
]


@each(CASES)
def test_a_site_that_keeps_the_rule(case: Case) -> None:
    """Nothing is found."""
    finds_nothing(case)


@each(CASES)
def test_a_site_that_breaks_the_rule(case: Case) -> None:
    """One thing is found, at its place, in words, with a fix."""
    finds_one_thing(case)


def test_every_rule_here_is_asked_and_has_its_cases() -> None:
    """With those of the machines."""
    own = {rule for rule in rules.RULES if rule.__module__ == bmc_rules.__name__}
    assert own == {case.rule for case in CASES}
    assert len(own) == 3


def test_only_addresses_within_a_network_are_its_matter() -> None:
    """A BMC on a network of its own, or one that has a name, is no part of the site's."""
    made = site(
        machines={
            "hv1": bmc(address="https://10.20.0.51:8443"),
            "hv2": bmc(address="172.16.0.9"),
            "hv3": bmc(address="hv3-bmc.example"),
        }
    )
    found = bmc_rules.bmc_addresses(made, IPv4Network("10.20.0.0/24"))
    assert [(path_text(path), str(address)) for path, address in found.items()] == [
        ("hypervisor.machines.hv1.bmc.address", "10.20.0.51")
    ]


def test_nobody_is_proposed_the_address_of_a_bmc() -> None:
    """Not the VIP, no machine."""
    frozen = propose(site(**one(**bmc(address="10.20.0.10"))))
    assert str(frozen.vip) == "10.20.0.11"
    assert str(frozen.machines["hv1"].address) == "10.20.0.12"


def test_a_bmc_cannot_take_an_address_that_was_given_away() -> None:
    """What is frozen stays; the file is refused at the BMC's address."""
    frozen = propose(site())
    with pytest.raises(SiteFileError, match=r"10\.20\.0\.11 was given to machine hv1"):
        propose(site(**one(**bmc(address="10.20.0.11"))), frozen)
