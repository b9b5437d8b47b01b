"""The rules of how a machine is told from all others, once it reports what it is."""

from __future__ import annotations

from collections.abc import Iterator

from appliance.site.hardware import is_serial, is_uuid
from appliance.site.model import MachineSite, MatchSite, Site
from appliance.site.places import Finding, Path, machine_path
from appliance.site.plan import MatchRule


def match_said_once(site: Site) -> Iterator[Finding]:
    """What a machine is told by stands in one place, so that nobody wonders which one counts."""
    for name, machine in sorted(site.hypervisor.machines.items()):
        match = machine.match
        if match is None:
            continue
        if match == MatchSite():
            what = "nothing is said that a machine is told by"
            fix = "write such as match: {serial: 4ZK7PX3}, or leave it out"
            yield Finding(machine_path(name, "match"), what, fix)
        for key, beside in _said_twice(machine, match):
            what = f"{beside} is given beside match as well"
            yield Finding(machine_path(name, "match", key), what, "keep one of the two")


def _said_twice(machine: MachineSite, match: MatchSite) -> Iterator[tuple[str, str]]:
    if match.mac is not None and (machine.mac is not None or machine.macs):
        yield "mac", "mac" if machine.mac is not None else "macs"
    if match.serial is not None and machine.serial is not None:
        yield "serial", "serial"
    if match.uuid is not None and machine.uuid is not None:
        yield "uuid", "uuid"


def identifiers_tell_machines(site: Site) -> Iterator[Finding]:
    """No machine is told by what vendors put in place of a serial number or a UUID."""
    for name, machine in sorted(site.hypervisor.machines.items()):
        rule = machine.identity
        if rule.serial is not None and not is_serial(rule.serial):
            what = f"{rule.serial!r} stands on many machines in place of a serial number"
            path = _place(name, "serial", beside=machine.serial is not None)
            yield Finding(path, what, "name the machine by its mac")
        if rule.uuid is not None and not is_uuid(rule.uuid):
            what = f"{rule.uuid} stands on many machines in place of a UUID"
            path = _place(name, "uuid", beside=machine.uuid is not None)
            yield Finding(path, what, "name the machine by its mac")


def _place(name: str, key: str, *, beside: bool) -> Path:
    return machine_path(name, key) if beside else machine_path(name, "match", key)


def matches_apart(site: Site) -> Iterator[Finding]:
    """No machine is told by vendor and product alone where that holds for another as well."""
    rules = [(name, each.identity) for name, each in sorted(site.hypervisor.machines.items())]
    for index, (name, rule) in enumerate(rules):
        for other, another in rules[:index] + rules[index + 1 :]:
            is_first_of_two = rule == another and name < other
            if _by_kind_alone(rule) and _holds_for(rule, another) and not is_first_of_two:
                what = f"{rule} is true of {other} as well"
                fix = "name each of them by its serial, uuid or mac"
                related = (machine_path(other, "match"),)
                yield Finding(machine_path(name, "match"), what, fix, related)
                break


def _by_kind_alone(rule: MatchRule) -> bool:
    return bool(rule) and not (rule.macs or rule.serial or rule.uuid)


def _holds_for(rule: MatchRule, another: MatchRule) -> bool:
    """Whether whatever the other rule is true of is told by this one too."""
    pairs = ((rule.vendor, another.vendor), (rule.product, another.product))
    return all(
        part is None or (whole is not None and part.casefold() in whole.casefold())
        for part, whole in pairs
    )
