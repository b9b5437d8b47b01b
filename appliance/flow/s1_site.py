"""s1: site.yaml → Plan. Pure but for reading the file and keeping what is frozen."""

from __future__ import annotations

import hashlib
from pathlib import Path

from appliance.errors import StaleError
from appliance.flow.binding import kept_frozen, whole_site
from appliance.flow.context import Context
from appliance.flow.step import Done, NotYet, Step
from appliance.site.freeze import propose
from appliance.site.frozen import Frozen
from appliance.site.load import LoadedSite, load_file
from appliance.site.make_plan import make_plan
from appliance.site.model import Site
from appliance.site.places import Places
from appliance.site.plan import Plan
from appliance.store.journal import Journal


class SiteStep(Step[Path, Plan]):
    """Reads the site file, adds the approved machines, freezes proposals, computes the Plan."""

    name = "s1"
    title = "read the site file and work out the plan"

    def __init__(self, context: Context) -> None:
        self._context = context

    def digest(self, given: Path) -> str:
        """Name the site file's very bytes."""
        return hashlib.sha256(given.read_bytes()).hexdigest()

    def check(self, given: Path) -> Done[Plan] | NotYet:
        """The plan is computed anew each run."""
        del given
        return NotYet("the plan is computed anew each run")

    def run(self, given: Path) -> Done[Plan]:
        """Compute the Plan and freeze what it proposed.

        Raises StaleError where the file is not the one that was looked through.
        """
        loaded, reviewed = load_file(given), self._context.options.reviewed
        if reviewed and self.digest(given) != reviewed:
            raise StaleError(
                "the site file was changed since it was looked through; nothing was begun",
                where=str(given),
                fix="look through it as it is now, then start",
            )
        plan = plan_of(self._context, loaded)
        armed = [each.name for each in plan.machines if each.not_armed is None]
        for note in plan.notes:
            self._context.tell("finding", note)
        for machine in plan.machines:
            if machine.not_armed is not None:
                self._context.tell(
                    "finding",
                    f"{machine.name} is not armed: {machine.not_armed}",
                    machine=machine.name,
                )
        return Done(plan, {"digest": plan.digest(), "armed": armed})


def plan_of(context: Context, loaded: LoadedSite) -> Plan:
    """Give the plan of the site and its approved machines, keeping new proposals.

    Raises SiteFileError where the file changes what is already built.
    """
    with context.frozen.alone():  # another command may say which machine is which meanwhile
        whole = whole_site(context, loaded)
        frozen = propose_again(context, whole, loaded.places)
        if frozen.as_json() != context.frozen.read():
            context.frozen.write(frozen.as_json())
    return make_plan(whole, frozen)


def propose_again(context: Context, site: Site, places: Places) -> Frozen:
    """Propose what is unsaid, keeping what is frozen; nothing is written."""
    built = frozenset(
        each.name
        for each in context.proven.all()
        if each.installed is not None or each.record.get("installs", 0)
    ) | built_vms(context.journal)
    return propose(site, kept_frozen(context), built=built, places=places)


def built_vms(journal: Journal) -> frozenset[str]:
    """Name the virtual machines that were made: what the last whole s6 had, and was heard of since.

    One that was taken out of the file is not among them once s6 has gone through without it.
    """
    whole = [each for each in journal.steps() if each.name == "s6" and each.outcome == "done"]
    kept = whole[-1].evidence.get("vms") if whole else None
    names = set(kept) if isinstance(kept, dict) else set()
    since = whole[-1].started if whole else 0.0
    for event in journal.events(kinds=("vm",)):
        if event.machine is None or event.at < since:
            continue
        if event.data.get("now") == "removed":
            names.discard(event.machine)
        else:
            names.add(event.machine)
    return frozenset(names)
