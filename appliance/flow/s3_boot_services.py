"""s3: Depot → BootServices: DHCP, TFTP, HTTP, DNS, NTP and syslog on one interface."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.boot.model import BootMachine, ServedFile
from appliance.flow.boot_machines import boot_machines
from appliance.flow.context import Context
from appliance.flow.documents import Documenter
from appliance.flow.judging import hold_back, judge_all
from appliance.flow.noted import Noted
from appliance.flow.preflight import (
    refuse_doubtful_clock,
    refuse_rival,
    refuse_unless_root,
    refuse_unreachable_state,
    refuse_unready_interface,
    refuse_without_link,
)
from appliance.flow.services import Services, has_stage1
from appliance.flow.services_address import NOTE
from appliance.flow.step import Done, NotYet, Step
from appliance.site.plan import Plan
from appliance.tools.inhibit import no_sleep
from appliance.tools.interface import about_to_set, prepare


@dataclass(frozen=True, slots=True)
class Served:
    """What s3 is given: the plan and the verified files."""

    plan: Plan
    files: tuple[ServedFile, ...]


class BootServicesStep(Step[Served, Services]):
    """Starts the services; they run until the run ends."""

    name = "s3"
    title = "start the boot services"

    def __init__(self, context: Context) -> None:
        self._context = context
        self._address = Noted(context, self.name)
        self._services_address = Noted(context, NOTE)

    def digest(self, given: Served) -> str:
        """Name the plan and the interface."""
        return f"{given.plan.digest()} {self._context.options.interface}"

    def check(self, given: Served) -> Done[Services] | NotYet:
        """Services belong to the run that started them."""
        del given
        return NotYet("services belong to the run that started them")

    def _machines(self, given: Served) -> tuple[BootMachine, ...]:
        """Every machine as it stands: an installer that runs has its configuration yet to fetch.

        To be told otherwise, even for a moment, would end the boots that a killed run began.
        """
        installed = frozenset(
            each.name for each in self._context.proven.all() if each.installed is not None
        )
        context, plan = self._context, given.plan
        matching, can_ask = judge_all(context, plan), has_stage1(given.files)
        held = hold_back(context, plan, matching, heard=(), can_ask=can_ask)
        return boot_machines(
            plan,
            installed=installed,
            vip_answers=False,
            documents=Documenter(plan, self._context.vault).of,
            refused=held.refused,
            paused=held.paused,
        )

    def undo(self) -> tuple[str, ...]:
        """Take back what a killed run set on this laptop, from its note alone."""
        return (*self._services_address.undo(), *self._address.undo())

    def run(self, given: Served) -> Done[Services]:
        """Check the laptop and the wire, then start. Raises PreflightError, nothing changed."""
        context = self._context
        refuse_unless_root()
        refuse_unreachable_state(context.site_paths)
        refuse_unready_interface(context.options.interface)
        refuse_doubtful_clock(context, given.files)
        network = given.plan.provisioning
        setting = self._address.note(
            about_to_set(context.options.interface, network.bridge, network.cidr.prefixlen)
        )
        context.resources.callback(self._address.take_back, setting)
        context.resources.callback(self._services_address.undo)
        prepare(setting)
        refuse_without_link(context)
        refuse_rival(context, given.plan)
        awake = context.resources.enter_context(no_sleep(f"site {given.plan.site_id} installs"))
        if not awake:
            context.tell(
                "finding", "nothing keeps this laptop from sleeping: leave it plugged in, lid open"
            )
        services = Services(context, given.plan, given.files, self._machines(given))
        context.resources.callback(services.stop)
        services.start()
        return Done(
            services,
            {
                "interface": context.options.interface,
                "address": str(network.bridge),
                "mode": "proxy" if context.options.proxy else "authoritative",
            },
        )
