"""s8: what was built, written down: the report that the field engineer leaves with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.boot.model import ServedFile
from appliance.flow.context import Context
from appliance.flow.reporting import write_report
from appliance.flow.s5_hypervisor import Hypervisor
from appliance.flow.s7_cluster import Cluster
from appliance.flow.services import Services
from appliance.flow.step import Done, NotYet, Step
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
    """Writes the report."""

    name = "s8"
    title = "write the report"

    def __init__(self, context: Context) -> None:
        self._context = context

    def digest(self, given: HandedOver) -> str:
        """Name the plan."""
        return given.plan.digest()

    def check(self, given: HandedOver) -> Done[Path] | NotYet:
        """The report is written anew each run."""
        del given
        return NotYet("the report is written anew each run")

    def run(self, given: HandedOver) -> Done[Path]:
        """Write the report into the site's reports folder."""
        path = write_report(self._context, given.plan, given.files, outcome="done")
        return Done(path, {"report": str(path), "certificate": given.hypervisor.fingerprint})
