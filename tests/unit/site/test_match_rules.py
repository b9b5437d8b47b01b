"""Every rule of how machines are told apart: a site that keeps it and one that breaks it."""

from __future__ import annotations

from typing import Any

from appliance.site import match_rules, rules
from tests.rule_cases import Case, each, finds_nothing, finds_one_thing
from tests.sites import machine

UUID = "4c4c4544-005a-4b10-8037-b4c04f505833"
JUNK_UUID = "03000200-0400-0500-0006-000700080009"
MAC = "52:54:00:12:34:99"


def hosts(*said: dict[str, Any]) -> dict[str, Any]:
    """Give a site of machines told by these."""
    return {"machines": {f"hv{number}": each for number, each in enumerate(said, 1)}}


CASES = [
    Case(
        match_rules.match_said_once,
        hosts({"match": {"serial": "A1"}}),
        hosts({"match": {}}),
        "hypervisor.machines.hv1.match",
        "nothing is said that a machine is told by",
    ),
    Case(
        match_rules.match_said_once,
        hosts({"mac": MAC, "match": {"serial": "A1"}}),
        hosts({"mac": MAC, "match": {"mac": MAC}}),
        "hypervisor.machines.hv1.match.mac",
        "mac is given beside match as well",
    ),
    Case(
        match_rules.match_said_once,
        hosts({"match": {"mac": MAC}}),
        hosts({"macs": [MAC], "match": {"mac": MAC}}),
        "hypervisor.machines.hv1.match.mac",
        "macs is given beside match as well",
    ),
    Case(
        match_rules.match_said_once,
        hosts({"serial": "A1", "match": {"uuid": UUID}}),
        hosts({"serial": "A1", "match": {"serial": "A2"}}),
        "hypervisor.machines.hv1.match.serial",
        "serial is given beside match as well",
    ),
    Case(
        match_rules.match_said_once,
        hosts({"uuid": UUID, "match": {"serial": "A1"}}),
        hosts({"uuid": UUID, "match": {"uuid": UUID}}),
        "hypervisor.machines.hv1.match.uuid",
        "uuid is given beside match as well",
    ),
    Case(
        match_rules.identifiers_tell_machines,
        hosts({"match": {"serial": "4ZK7PX3"}}),
        hosts({"match": {"serial": "To be filled by O.E.M."}}),
        "hypervisor.machines.hv1.match.serial",
        "'To be filled by O.E.M.' stands on many machines in place of a serial number",
    ),
    Case(
        match_rules.identifiers_tell_machines,
        hosts({"serial": "4ZK7PX3"}),
        hosts({"serial": "0"}),
        "hypervisor.machines.hv1.serial",
        "'0' stands on many machines",
    ),
    Case(
        match_rules.identifiers_tell_machines,
        hosts({"match": {"uuid": UUID}}),
        hosts({"match": {"uuid": JUNK_UUID}}),
        "hypervisor.machines.hv1.match.uuid",
        "stands on many machines in place of a UUID",
    ),
    Case(
        match_rules.identifiers_tell_machines,
        hosts({"uuid": UUID}),
        hosts({"uuid": JUNK_UUID}),
        "hypervisor.machines.hv1.uuid",
        "stands on many machines in place of a UUID",
    ),
    Case(
        match_rules.matches_apart,
        hosts({"match": {"product": "R650"}}, {"match": {"product": "R750"}}),
        hosts({"match": {"product": "R650"}}, {"match": {"product": "PowerEdge r650"}}),
        "hypervisor.machines.hv1.match",
        "product R650 is true of hv2 as well",
    ),
    Case(
        match_rules.matches_apart,
        hosts({"match": {"vendor": "Dell"}}, {"match": {"serial": "A1"}}),
        hosts({"match": {"serial": "A1", "vendor": "Dell Inc."}}, {"match": {"vendor": "Dell"}}),
        "hypervisor.machines.hv2.match",
        "vendor Dell is true of hv1 as well",
    ),
    Case(
        match_rules.matches_apart,
        hosts({"match": {"product": "R650"}}, machine(2)),
        hosts({"match": {"product": "R650"}}, {"match": {"product": "R650"}}),
        "hypervisor.machines.hv2.match",
        "product R650 is true of hv1 as well",
    ),
    Case(
        rules.macs_unique,
        hosts({"match": {"mac": MAC}}, machine(2)),
        hosts({"match": {"mac": MAC}}, {"mac": MAC}),
        "hypervisor.machines.hv2.mac",
        "52:54:00:12:34:99 is also hypervisor.machines.hv1.match.mac",
    ),
    Case(
        rules.identifiers_unique,
        hosts({"match": {"serial": "A1"}}, {"serial": "A2"}),
        hosts({"match": {"serial": "A1"}}, {"serial": "A1"}),
        "hypervisor.machines.hv2.serial",
        "A1 is also hypervisor.machines.hv1.match.serial",
    ),
    Case(
        rules.identifiers_unique,
        hosts({"match": {"uuid": UUID}}, {}),
        hosts({"match": {"uuid": UUID}}, {"match": {"uuid": UUID.upper()}}),
        "hypervisor.machines.hv2.match.uuid",
        "is also hypervisor.machines.hv1.match.uuid",
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
    own = {rule for rule in rules.RULES if rule.__module__ == match_rules.__name__}
    assert own == {case.rule for case in CASES if case.rule.__module__ == match_rules.__name__}
    assert len(own) == 3
