"""What is known of a machine of the site: its own report and its BMC's word, as one record."""

from __future__ import annotations

from contextlib import suppress

from appliance.discover import words
from appliance.errors import InputError
from appliance.flow.context import Context
from appliance.flow.reports import KnownMachine, find_machine, report_of_machine
from appliance.flow.switching import said_of
from appliance.power import known
from appliance.power.known import Known
from appliance.power.model import Inventory, InventoryDisk
from appliance.site.plan import MachinePlan, Plan


def known_of(context: Context, machine: MachinePlan) -> Known:
    """Put together what it reported last and what its BMC said last; nothing is asked."""
    return known.merge(machine, said_of(context, machine), _reported(context, machine))


def report_of_any(context: Context, plan: Plan, which: str) -> KnownMachine | None:
    """Give the newest report of a machine, of the site or not, by any name it goes by."""
    with suppress(InputError):
        found = find_machine(context, plan, which)
        return found if isinstance(found, KnownMachine) else None
    return None


def facts_of(
    context: Context, machine: MachinePlan | None, report: KnownMachine | None
) -> words.Facts:
    """Give all that people read of a machine: its report, what its BMC adds, where they differ.

    One that is none of the site has no BMC.
    """
    reported = words.facts(report.report) if report else ()
    if machine is None:
        return reported
    both = known_of(context, machine)
    differences = (("differs", each) for each in both.differences)
    return (*reported, *known.facts(both, bmc_only=True), *differences)


def _reported(context: Context, machine: MachinePlan) -> Inventory | None:
    """Give what the machine itself reported last, in the terms of a BMC; None: it has not.

    What is plugged in for a while is none of its disks: no BMC lists it.
    """
    found = report_of_machine(context, (*machine.macs, *machine.other_macs))
    if found is None:
        return None
    report = found.report
    return Inventory(
        vendor=report.vendor,
        model=report.product,
        serial=report.serial,
        uuid=str(report.uuid) if report.uuid else "",
        cpus=report.threads,
        memory=report.memory,
        disks=tuple(
            InventoryDisk(each.name, each.size, each.model, each.serial)
            for each in report.disks
            if not each.removable
        ),
        macs=report.macs,
    )
