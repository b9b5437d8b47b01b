"""The reports of machines as the flow reads them: kept, read back, looked up by what is known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from appliance import advice
from appliance.boot.control import Reported
from appliance.discover.report import Report, decode
from appliance.discover.words import disks_line, headline
from appliance.errors import InputError, StoreFullError, WireError
from appliance.flow.context import Context
from appliance.site.plan import Plan
from appliance.store.discovered import Discovery
from appliance.values import Mac


@dataclass(frozen=True, slots=True)
class KnownMachine:
    """A machine's newest report. `mac` is the card it reported from; times are Unix seconds."""

    mac: Mac
    address: str
    first: float
    last: float
    report: Report

    @property
    def text(self) -> str:
        """The machine in one line."""
        return f"{self.mac}, {headline(self.report)}"


def take_report(context: Context, message: Reported) -> bool:
    """Keep and tell what a machine reported; give whether it says anything new.

    A full disk keeps it from being kept, and not from being told.
    """
    try:
        report = decode(message.report.encode())
    except WireError as error:  # boot has read it before: it is boot that is not well
        context.tell("finding", f"a report of {message.mac} cannot be read: {error}")
        return False
    try:
        if not _keep(context, message, report):
            return False
    except StoreFullError:
        pass  # the event below is kept or told by the same rules
    who = message.machine or str(message.mac)
    context.tell(
        "discovered",
        f"{who} reported: {headline(report)}; {disks_line(report)}",
        machine=message.machine,
        data={
            "mac": str(message.mac),
            "address": str(message.address),
            "vendor": report.vendor,
            "product": report.product,
            "serial": report.serial,
            "disks": disks_line(report),
        },
    )
    return True


def _keep(context: Context, message: Reported, report: Report) -> bool:
    now, address = context.clock.utc(), str(message.address)
    kept = next(iter(context.discoveries.of(message.mac)), None)
    before = report_from(context, message.mac)
    if kept is not None and before is not None and before.report.facts == report.facts:
        context.discoveries.repeat(kept, address, now)
        return False
    context.discoveries.put(message.mac, address, message.report, now)
    return True


def newest_reports(context: Context) -> tuple[KnownMachine, ...]:
    """Give the newest report of every machine: one that used two cards is there once."""
    found: list[KnownMachine] = []
    known = filter(None, (_read(each) for each in context.discoveries.newest()))
    for each in sorted(known, key=lambda each: -each.last):
        if not any(_same_machine(each, other) for other in found):
            found.append(each)
    return tuple(sorted(found, key=lambda each: each.first))


def _same_machine(one: KnownMachine, other: KnownMachine) -> bool:
    """Each names the other's card, and all labels are the same: a liar would have to copy all."""
    return (
        one.mac in other.report.macs
        and other.mac in one.report.macs
        and set(_labels(one.report)) == set(_labels(other.report))
    )


def report_from(context: Context, mac: Mac) -> KnownMachine | None:
    """Give the newest report that came from this very card."""
    kept = next(iter(context.discoveries.of(mac)), None)
    return None if kept is None else _read(kept)


def report_of_machine(context: Context, macs: tuple[Mac, ...]) -> KnownMachine | None:
    """Give the newest report of the machine that has one of these cards.

    One that came from such a card stands above those that only name it.
    """
    found = [each for each in newest_reports(context) if {each.mac, *each.report.macs} & {*macs}]
    return max(found, key=lambda each: (each.mac in macs, each.last), default=None)


def _read(kept: Discovery) -> KnownMachine | None:
    """An older version may have kept what this one cannot read: it is as if it were not there."""
    with suppress(WireError):
        report = decode(kept.report.encode())
        return KnownMachine(kept.mac, kept.address, kept.first, kept.last, report)
    return None


def find_machine(context: Context, plan: Plan, which: str) -> KnownMachine | Mac:
    """Find a machine by its name in the site, MAC address, serial number or UUID.

    Of what reports say, only the card that one came from is beyond doubt: it stands above all
    that another claims. A MAC address that nobody has named is given as it is.

    Raises InputError where there is none, or more than one.
    """
    machine = plan.machine(which)
    if machine is not None and machine.macs:
        return report_of_machine(context, machine.macs) or machine.macs[0]
    mac = _mac(which)
    reports = newest_reports(context)
    found = [each for each in reports if each.mac == mac]
    found = found or [each for each in reports if _claims(each, mac, which)]
    if len(found) > 1:
        raise InputError(
            f"{which} is {len(found)} machines",
            where="WHICH",
            why="; ".join(each.text for each in found),
            fix="name the one by its MAC address, which its screen shows",
        )
    if found:
        return found[0]
    if mac is not None:
        return mac
    raise InputError(
        f"no machine that reported is {which!r}",
        where="WHICH",
        why="; ".join(each.text for each in newest_reports(context)) or "none has reported yet",
        fix=f"the site has {', '.join(each.name for each in plan.machines)}; "
        f"else {advice.name_by_card()}",
    )


def find_for_good(context: Context, plan: Plan, which: str) -> KnownMachine | Mac:
    """Find a machine of which people say something that stays. Raises InputError.

    A MAC address that another machine's report names is not enough: a liar may name any.
    """
    found, mac = find_machine(context, plan, which), _mac(which)
    if mac is None or isinstance(found, Mac) or found.mac == mac:
        return found
    raise InputError(
        f"{mac} has not reported",
        where="WHICH",
        why=f"it is said to be a further card of {found.text}",
        fix=f"if that is the machine, name it by {found.mac}; else start it from {mac}",
    )


def _claims(known: KnownMachine, mac: Mac | None, which: str) -> bool:
    if mac is not None and mac in known.report.macs:
        return True
    return which.strip().casefold() in set(_labels(known.report))


def _labels(report: Report) -> Iterator[str]:
    for each in (report.serial, report.board_serial):
        if each:
            yield each.casefold()
    if report.uuid is not None:
        yield str(report.uuid)


def _mac(text: str) -> Mac | None:
    try:
        return Mac.parse(text)
    except ValueError:
        return None
