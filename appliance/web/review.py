"""What the fifth page shows before anything is begun: every rule's verdict, and what will be lost.

Pure: a text, a Plan and reports in, values out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from appliance.discover.disk_choice import data_text, disk_at
from appliance.discover.report import Disk, Report
from appliance.discover.words import headline
from appliance.errors import Problem
from appliance.machines.state import State
from appliance.site.model import Site
from appliance.site.places import Places
from appliance.site.plan import MachinePlan, Plan
from appliance.site.rules import RULES, Rule
from appliance.site.yaml_text import read_yaml
from appliance.tools.words import size

INSTALLED = frozenset(state.value for state in (State.INSTALLED, State.REBOOTED, State.READY))
"""States of machines that will not be erased any more."""


@dataclass(frozen=True, slots=True)
class RuleVerdict:
    """One rule: what it demands, and where it is broken; nowhere: it holds."""

    name: str
    demands: str
    problems: tuple[Problem, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the site keeps the rule."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class ErasedDisk:
    """A disk that will be erased: how it is named, why, and what was seen on it."""

    name: str
    why: str
    holds: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """All that one machine will lose. `who` is the machine in words, empty until it reported."""

    machine: str
    who: str
    disks: tuple[ErasedDisk, ...]


def rule_verdicts(text: str, file: str = "site.yaml") -> tuple[RuleVerdict, ...]:
    """Ask every rule about a site file; none where its values cannot be read yet."""
    read = read_yaml(text.removeprefix("\ufeff"), file)
    try:
        site = Site.model_validate(read.data)
    except ValidationError:
        return ()
    return tuple(_verdict(rule, site, read.places) for rule in RULES)


def _verdict(rule: Rule, site: Site, places: Places) -> RuleVerdict:
    name = str(getattr(rule, "__name__", ""))
    demands = (rule.__doc__ or name).strip().splitlines()[0]
    return RuleVerdict(name, demands, places.problems(rule(site)))


def erasures(
    plan: Plan, reports: Mapping[str, Report], installed: Collection[str] = ()
) -> tuple[Erasure, ...]:
    """Give what the next run erases: the disks of machines that are armed and not `installed`.

    `reports` are by the machines' names.
    """
    return tuple(
        Erasure(
            each.name,
            headline(reports[each.name]) if each.name in reports else "",
            tuple(_disks(each, reports.get(each.name))),
        )
        for each in plan.machines
        if each.not_armed is None and each.name not in installed
    )


def _disks(machine: MachinePlan, report: Report | None) -> Iterator[ErasedDisk]:
    if machine.disk is not None:
        yield _erased(
            machine.disk.path or str(machine.disk), "Harvester is installed on it", report
        )
    if machine.data_disk is not None:
        yield _erased(machine.data_disk, "it is for the virtual machines' volumes", report)
    for path in machine.wipe_disks:
        yield _erased(path, "the site file has it wiped", report)
    if machine.wipe_all_disks:
        yield from _all_others(machine, report)


def _all_others(machine: MachinePlan, report: Report | None) -> Iterator[ErasedDisk]:
    why = "the site file has all its disks wiped"
    if report is None:
        yield ErasedDisk("every other disk of the machine", why, "")
        return
    named = (machine.disk.path if machine.disk else None, machine.data_disk)
    for disk in report.disks:
        if not any(path in (*disk.by_id, *disk.by_path) for path in named):
            yield ErasedDisk(f"{disk.name}, {disk.model}".rstrip(", "), why, _seen_on(disk))


def _erased(path: str, why: str, report: Report | None) -> ErasedDisk:
    found = disk_at(path, report) if report is not None else None
    if not isinstance(found, tuple):
        return ErasedDisk(path, why, "")
    disk = found[0]
    words = (f"{disk.name}: {disk.model}".rstrip(": "), size(disk.size), path)
    return ErasedDisk(", ".join(each for each in words if each), why, _seen_on(disk))


def _seen_on(disk: Disk) -> str:
    return data_text(disk) or "nothing was found on it"


def unconfirmed(lost: Iterable[Erasure], typed: Mapping[str, str]) -> dict[str, Problem]:
    """Give a problem for each machine whose name was not typed, by the machine's name."""
    return {
        each.machine: Problem(
            "",
            0,
            0,
            each.machine,
            f"the name {each.machine} is not typed here",
            f"type {each.machine}",
        )
        for each in lost
        if typed.get(each.machine, "").strip() != each.machine
    }


def not_armed(plan: Plan) -> tuple[tuple[str, str], ...]:
    """Give the machines that a run does not install, each with the reason."""
    return tuple((each.name, each.not_armed) for each in plan.machines if each.not_armed)
