"""Looking at a site without running it: its plan, what is known of its machines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance import advice
from appliance.discover.disk_choice import disk_text
from appliance.discover.report import encode
from appliance.discover.words import facts, headline
from appliance.errors import InputError
from appliance.flow.binding import whole_site
from appliance.flow.context import Context, Options
from appliance.flow.found_bmcs import found_bmcs
from appliance.flow.judging import judge_all, refusals
from appliance.flow.known_machine import facts_of, report_of_any
from appliance.flow.orders import unknown_machines
from appliance.flow.reports import KnownMachine, find_machine, newest_reports
from appliance.flow.roll import record_from_json
from appliance.flow.s1_site import propose_again
from appliance.flow.session import opened
from appliance.flow.switch_state import kept_state
from appliance.flow.vm_states import vm_states
from appliance.machines.state import EXPECTATIONS, Record
from appliance.paths import Paths
from appliance.site.load import load_file
from appliance.site.make_plan import make_plan
from appliance.site.plan import MachinePlan, Plan, Way
from appliance.tools.clock import as_text
from appliance.values import Mac


@dataclass(frozen=True, slots=True)
class Look:
    """A site and its plan, looked at; nothing is frozen by looking."""

    site_file: Path
    paths: Paths
    plan: Plan

    @contextmanager
    def writing(self, *, exclusive: str | None = None) -> Iterator[Context]:
        """Open the site's state, for orders and for what was kept."""
        with opened(
            self.site_file,
            self.plan.site_id,
            self.paths,
            Options(interface=""),
            exclusive=exclusive,
        ) as context:
            yield context

    @contextmanager
    def reading(self) -> Iterator[Context]:
        """Open a copy of the site's state: nothing is written, not even for a site never run."""
        with opened(
            self.site_file, self.plan.site_id, self.paths, Options(interface=""), keep=False
        ) as context:
            yield context

    def status(self, which: str = "") -> dict[str, Any]:
        """Give what is known, of one machine or of all, as `provision status --json` prints it.

        Raises InputError for one that nothing is known of.
        """
        with self.reading() as context:
            name, mac = _meant(context, self.plan, which) if which else ("", None)
            against = refusals(context, self.plan, judge_all(context, self.plan))
            return {
                "site": self.plan.site_id,
                "machines": {
                    each.name: _status_of(context, each, against.get(each.name, ""))
                    for each in self.plan.machines
                    if not which or each.name == name
                },
                "vms": {
                    each: said
                    for each, said in _vms_of(context, self.plan).items()
                    if not which or each == name
                },
                "waiting": {
                    each: as_text(at)
                    for each, at in unknown_machines(context, self.plan).items()
                    if not which or each == str(mac)
                },
                "bmcs": [each.as_json() for each in found_bmcs(context, self.plan) if not which],
                "reports": {
                    str(each.mac): json.loads(encode(each.report))
                    for each in newest_reports(context)
                    if not which or each.mac == mac
                },
            }

    def waiting_as_text(self) -> Iterator[str]:
        """Give the unknown machines that wait: what each is, its disks and what is on them."""
        with self.reading() as context:
            known = {str(each.mac): each for each in newest_reports(context)}
            for mac, at in unknown_machines(context, self.plan).items():
                yield f"{mac}  waits to be approved, last heard {as_text(at)}"
                if mac in known:
                    yield from _in_short(known[mac])

    def _one_as_text(self, which: str) -> Iterator[str]:
        """Give the facts that there are of one machine, of the site or not, and its history."""
        with self.reading() as context:
            name, _ = _meant(context, self.plan, which)
            found = report_of_any(context, self.plan, which)
            if found is not None:
                yield f"  reported {as_text(found.last)} from {found.mac}"
            lines = facts_of(context, self.plan.machine(name), found)
            yield from (f"    {label:<14} {text}" for label, text in lines)
            for event in context.journal.events(machine=name or which):
                yield f"  {as_text(event.at)} {event.kind:<9} {event.text}"

    def status_as_text(self, which: str) -> str:
        """Give what is known, for people; of one machine with its history. Raises as `status`."""
        known = self.status(which)
        lines = []
        for name, entry in known["machines"].items():
            lines.append(f"{name:<16} {entry['address']:<15} {entry['state']:<10} {entry['text']}")
            lines += _power_lines(entry["power"], whole=bool(which))
        lines += [
            f"{name:<16} {entry['address']:<15} {entry['state']:<10} {entry['kind']}"
            for name, entry in known["vms"].items()
        ]
        if which:
            lines += [f"{mac}  waits to be approved" for mac in known["waiting"]]
            lines += self._one_as_text(which)
        else:
            lines += self.waiting_as_text()
            with self.reading() as context:
                lines += [str(each) for each in found_bmcs(context, self.plan)]
        return "\n".join(lines)


def _meant(context: Context, plan: Plan, which: str) -> tuple[str, Mac | None]:
    """Give the name that somebody's word stands for, empty for none of the site, and its card.

    The card is that of its newest report, None where there is none. Raises InputError.
    """
    if which in {each.name for each in plan.vms}:
        return which, None
    if plan.machine(which) is not None:
        reported = report_of_any(context, plan, which)
        return which, reported.mac if reported else None
    found = find_machine(context, plan, which)
    mac = found if isinstance(found, Mac) else found.mac
    names = [each.name for each in plan.machines if mac in each.macs]
    if isinstance(found, Mac) and not names and str(mac) not in unknown_machines(context, plan):
        raise InputError(f"nothing is known of {mac}", where="MACHINE", fix=advice.name_by_card())
    return names[0] if names else "", mac


def _power_lines(power: Mapping[str, Any], *, whole: bool) -> Iterator[str]:
    """What its BMC says otherwise is said in any case, of one machine among its facts."""
    if whole and power["way"] != Way.BY_HAND:
        yield f"  power {power['power']}, by {power['switch']}, read {power['read_at'] or 'never'}"
    if power["unfinished"]:
        yield f"  {power['unfinished']}"
    if not whole:
        yield from (f"  differs: {each}" for each in power["differences"])


def _in_short(known: KnownMachine) -> Iterator[str]:
    report = known.report
    yield f"    {headline(report)}"
    yield from (f"    {disk_text(each)}" for each in report.disks)
    yield from (
        f"    {label:<14} {text}" for label, text in facts(report) if label.startswith("card ")
    )


def look_at(site_file: Path, paths: Paths) -> Look:
    """Read a site file and work out its plan as a run would; nothing is written.

    Raises InputError for a bad file, PreflightError where the site's state cannot be read.
    """
    loaded = load_file(site_file)
    with opened(site_file, loaded.site.site, paths, Options(interface=""), keep=False) as context:
        whole = whole_site(context, loaded)
        frozen = propose_again(context, whole, loaded.places)
    return Look(site_file, paths, make_plan(whole, frozen))


def _status_of(context: Context, machine: MachinePlan, against: str) -> dict[str, Any]:
    proven = context.proven.get(machine.name)
    record = record_from_json(dict(proven.record)) if proven.record else Record()
    return {
        "address": str(machine.address),
        "macs": [str(mac) for mac in machine.macs],
        "state": record.state.value,
        "installs": proven.installs,
        "last": record.last_seen.value if record.last_seen else None,
        "at": as_text(record.last_at) if record.last_at else None,
        "text": f"held: {against}" if against else _words(machine, record),
        "power": kept_state(context, machine).as_json(),
    }


def _vms_of(context: Context, plan: Plan) -> dict[str, dict[str, str]]:
    states = vm_states(context.journal, plan)
    return {
        vm.name: {
            "kind": vm.kind.value,
            "address": str(vm.address) if vm.address else "its own",
            "state": states[vm.name],
        }
        for vm in plan.vms
    }


def _words(machine: MachinePlan, record: Record) -> str:
    if machine.not_armed is not None:
        return f"not armed: {machine.not_armed}"
    expected = EXPECTATIONS.get(record.state)
    last = record.last_text or "nothing seen yet"
    return f"{last}; next: {expected.next}" if expected else last
