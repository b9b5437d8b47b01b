"""s1: site.yaml → Plan. Pure but for reading the file and keeping what is frozen."""

from __future__ import annotations

import hashlib
from pathlib import Path

from appliance.flow.approved import with_approved
from appliance.flow.context import Context
from appliance.flow.step import Done, NotYet, Step
from appliance.site.freeze import Frozen, propose
from appliance.site.load import load_file
from appliance.site.make_plan import make_plan
from appliance.site.model import Site
from appliance.site.plan import Plan


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
        """Compute the Plan and freeze what it proposed."""
        plan = plan_of(self._context, load_file(given).site)
        armed = [each.name for each in plan.machines if each.not_armed is None]
        for machine in plan.machines:
            if machine.not_armed is not None:
                self._context.tell(
                    "finding",
                    f"{machine.name} is not armed: {machine.not_armed}",
                    machine=machine.name,
                )
        return Done(plan, {"digest": plan.digest(), "armed": armed})


def plan_of(context: Context, site: Site) -> Plan:
    """Give the plan of the site and its approved machines, keeping new proposals."""
    whole = with_approved(site, context.approved.all())
    kept = context.frozen.read()
    frozen = propose(whole, Frozen() if kept is None else Frozen.from_json(kept))
    if frozen.as_json() != kept:
        context.frozen.write(frozen.as_json())
    return make_plan(whole, frozen)
