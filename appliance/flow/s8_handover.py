"""s8: Cluster → Handover: the services end, the site is seen to live without them; it is written.

"Safe to unplug" is said only after it was proven, with the laptop answering nothing any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.boot.model import ServedFile
from appliance.errors import StepError
from appliance.flow.context import Context
from appliance.flow.leaving import may_leave
from appliance.flow.reporting import write_report, write_sheet
from appliance.flow.s5_hypervisor import Hypervisor
from appliance.flow.s7_cluster import Cluster
from appliance.flow.services import Services
from appliance.flow.step import Done, NotYet, Step
from appliance.handover.unplug import Safe
from appliance.site.plan import Plan


@dataclass(frozen=True, slots=True)
class HandedOver:
    """What s8 is given."""

    plan: Plan
    files: tuple[ServedFile, ...]
    services: Services
    hypervisor: Hypervisor
    cluster: Cluster


class HandoverStep(Step[HandedOver, Path]):
    """Ends the services, asks the site to do without the laptop, writes report and sheet."""

    name = "s8"
    title = "hand the site over"

    def __init__(self, context: Context) -> None:
        self._context = context

    def digest(self, given: HandedOver) -> str:
        """Name the plan."""
        return given.plan.digest()

    def check(self, given: HandedOver) -> Done[Path] | NotYet:
        """Whether the laptop may leave is asked anew each run."""
        del given
        return NotYet("whether the laptop may leave is asked anew each run")

    def run(self, given: HandedOver) -> Done[Path]:
        """Prove, then write. Raises StepError where a site that is to stand alone does not."""
        context, plan = self._context, given.plan
        given.services.stop()
        verdict = may_leave(context, plan)
        reasons = () if isinstance(verdict, Safe) else verdict.reasons
        if isinstance(verdict, Safe):
            seen = list(verdict.because)
            context.tell("safe-to-unplug", "safe to unplug", data={"because": seen})
        else:
            for reason in reasons:
                context.tell("finding", f"not yet safe to unplug: {reason}")
        certificates = (("Harvester", given.hypervisor.fingerprint),)
        sheet = write_sheet(context, plan, not_safe=reasons, fingerprints=certificates)
        path = write_report(context, plan, given.files, outcome="done")
        if reasons and plan.staging is not None:
            raise StepError(
                "the site does not do without this laptop yet",
                where=plan.staging.vm,
                why="; ".join(reasons),
                fix="leave the laptop plugged in and run again",
            )
        return Done(
            path,
            {
                "report": str(path),
                "sheet": str(sheet),
                "certificate": given.hypervisor.fingerprint,
                "safe to unplug": "no" if reasons else "yes",
            },
        )
