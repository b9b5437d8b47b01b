"""Machines that show themselves, as page 3 shows them: what each is, its disks, who it may be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from appliance.discover.disk_choice import stable_path
from appliance.discover.report import Disk, Report
from appliance.discover.words import facts, headline, holds
from appliance.errors import InputError
from appliance.flow.context import Context
from appliance.flow.judging import judge_all, refusals
from appliance.flow.known_machine import facts_of, report_of_any
from appliance.flow.looking import Look
from appliance.flow.orders import unknown_machines
from appliance.flow.reports import KnownMachine, newest_reports
from appliance.site.plan import Plan
from appliance.store.journal import Event
from appliance.tools.words import moment, printable, size
from appliance.web.watching import stored

_SHOWN_EVENTS = 200


@dataclass(frozen=True, slots=True)
class DiskView:
    """One disk: its name for people, what is on it, and the path that stays the same."""

    name: str
    text: str
    octets: int
    holds: str
    blank: bool
    path: str
    problem: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """A machine that nobody knows yet. Without a report only its MAC address is known."""

    mac: str
    heard_at: float
    vendor: str
    headline: str
    disks: tuple[DiskView, ...]
    facts: tuple[tuple[str, str], ...]

    @property
    def reported(self) -> bool:
        """Whether it said what it is."""
        return bool(self.headline)

    @property
    def proposed(self) -> str:
        """The disk that is the only blank one, if there is just one; else nothing is proposed."""
        blank = [each.name for each in self.disks if each.blank and not each.problem]
        return blank[0] if len(blank) == 1 else ""


@dataclass(frozen=True, slots=True)
class Arrivals:
    """All that wait, the names of the site that no machine has yet, and what speaks against whom.

    `refused` is by the machine's name, in one sentence.
    """

    waiting: tuple[Arrival, ...]
    free: tuple[str, ...]
    refused: dict[str, str]


@dataclass(frozen=True, slots=True)
class OneMachine:
    """All that is known of one machine: its facts, and its latest events, the newest first."""

    name: str
    facts: tuple[tuple[str, str], ...]
    events: tuple[tuple[float, str, str], ...]
    log: str

    @property
    def lines(self) -> tuple[tuple[str, str, str], ...]:
        """The events with their time in words."""
        return tuple((f"{moment(at)} UTC", kind, text) for at, kind, text in self.events)


def arrivals(look: Look) -> Arrivals:
    """Give who waits to be approved."""
    plan = look.plan
    with stored(look) as context:
        known = {str(each.mac): each for each in newest_reports(context)}
        waiting = tuple(
            _arrival(mac, at, known.get(mac)) for mac, at in unknown_machines(context, plan).items()
        )
        against = refusals(context, plan, judge_all(context, plan))
        return Arrivals(waiting, tuple(_free(context, plan)), against)


def _free(context: Context, plan: Plan) -> Iterable[str]:
    """Who is still to be found: not installed, and without a card or without a disk."""
    for each in plan.machines:
        if each.not_armed is not None and context.proven.get(each.name).installed is None:
            yield each.name


def _arrival(mac: str, at: float, known: KnownMachine | None) -> Arrival:
    if known is None:
        return Arrival(mac, at, "", "", (), ())
    report = known.report
    return Arrival(
        mac=mac,
        heard_at=at,
        vendor=report.vendor,
        headline=headline(report),
        disks=tuple(_disk(each, report) for each in report.disks),
        facts=facts(report),
    )


def _disk(disk: Disk, report: Report) -> DiskView:
    serial = f"serial {disk.serial}" if disk.serial else ""
    parts = (size(disk.size), disk.model, serial, disk.bus, "removable" if disk.removable else "")
    found = holds(disk)
    return DiskView(
        name=disk.name,
        text=", ".join(each for each in parts if each),
        octets=disk.size,
        holds=found,
        blank=found in ("blank", "an empty partition table") and not disk.removable,
        path=stable_path(disk, report) or "",
        problem=disk.problem,
    )


def boxes(look: Look) -> tuple[tuple[str, str], ...]:
    """Give every box that was heard: its MAC address, and what it is in words with that."""
    with stored(look) as context:
        found = {str(each.mac): headline(each.report) for each in newest_reports(context)}
        silent = unknown_machines(context, look.plan)
        all_of_them = found | {mac: "" for mac in silent if mac not in found}
        return tuple((mac, f"{what}, {mac}" if what else mac) for mac, what in all_of_them.items())


def one_machine(look: Look, which: str) -> OneMachine:
    """Give one machine of the site, or one that reported, by any name it goes by.

    Raises InputError where there is none.
    """
    with stored(look) as context:
        machine, found = look.plan.machine(which), report_of_any(context, look.plan, which)
        if machine is None and found is None:
            raise InputError(f"no machine is called {which[:60]!r}", fix="go back to Machines")
        name = machine.name if machine else ""
        events = context.journal.latest(name, _SHOWN_EVENTS) if machine else ()
        return OneMachine(
            name=name or which,
            facts=facts_of(context, machine, found),
            events=tuple(_line(each) for each in events),
            log=_live_log(context, name) if machine else "",
        )


def _line(event: Event) -> tuple[float, str, str]:
    return event.at, event.kind, printable(event.text)


def _live_log(context: Context, name: str) -> str:
    """What its installer wrote, fetched with its secrets blanked when it failed or fell silent."""
    path = context.site_paths.reports / f"{name}-live.log"
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(printable(line) for line in text.splitlines())
