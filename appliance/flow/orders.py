"""What an operator orders of single machines: to be known, to be installed again."""

from __future__ import annotations

from typing import Any

from appliance.errors import InputError
from appliance.flow.approved import parse_machine
from appliance.flow.context import Context
from appliance.flow.reports import newest_reports
from appliance.machines.state import Seen, State
from appliance.site.plan import Plan
from appliance.store.machines import Proven
from appliance.values import Mac


def approve(context: Context, mac: Mac, name: str, entry: dict[str, Any]) -> None:
    """Make an unknown machine known. Raises InputError for an impossible name, disk or role."""
    whole = {"mac": str(mac), **entry}
    parse_machine(name, whole)
    for other, known in context.approved.all().items():
        if other != name and known.get("mac") == str(mac):
            raise InputError(f"{mac} is already approved, as {other}")
    context.approved.put(name, mac.bare, whole)
    context.tell("approved", f"{mac} was approved as {name}", machine=name)


def unknown_machines(context: Context, plan: Plan) -> dict[str, float]:
    """Give the MACs that asked to boot or reported and are nobody's, and when last heard."""
    known = {str(mac) for each in plan.machines for mac in (*each.macs, *each.other_macs)}
    known |= {str(each.get("mac")) for each in context.approved.all().values()}
    heard: dict[str, float] = {}
    for event in context.journal.events(kinds=("decision",)):
        mac = event.data.get("mac")
        if event.machine is None and mac and mac not in known:
            heard[str(mac)] = event.at
    for each in newest_reports(context):
        others = {str(mac) for mac in each.report.macs}
        if not known & {str(each.mac), *others}:
            heard = {mac: at for mac, at in heard.items() if mac not in others}
            heard[str(each.mac)] = max(each.last, heard.get(str(each.mac), 0.0))
    return heard


def reinstall(context: Context, name: str, disk: str = "") -> None:
    """Re-arm an installed machine: at its next network boot its disk is written anew.

    With `disk`, its path: what a report found on it is no reason to hold the machine.
    """
    if disk:
        context.agreed.put(name, disk)
    kept = context.proven.get(name)
    context.proven.put(
        Proven(
            name,
            installs=kept.installs,
            record={
                "state": State.EXPECTED.value,
                "last_seen": Seen.REINSTALL_ORDERED.value,
                "last_text": "ordered to be installed again",
            },
        )
    )
    context.switches.note(name, acted=None, acted_at=None)  # it is switched again, and at once
    context.tell("reinstall-ordered", f"{name} was ordered to be installed again", machine=name)
