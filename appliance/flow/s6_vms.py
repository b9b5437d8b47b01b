"""s6: Hypervisor → Vms: images, networks and virtual machines by Terraform, each seen to answer."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from appliance import advice
from appliance.errors import StepError, StopRequestedError
from appliance.flow.context import Context
from appliance.flow.s5_hypervisor import Hypervisor
from appliance.flow.secrets import site_secrets
from appliance.flow.services import Services
from appliance.flow.site_terraform import SiteTerraform
from appliance.flow.staging_files import Staging
from appliance.flow.step import Done, NotYet, Step
from appliance.flow.tending import Say, Tending
from appliance.flow.vm_secrets import known_hosts, vm_secrets
from appliance.site.plan import Plan, VmPlan
from appliance.store.journal import Journal
from appliance.tools.redact import Redactor
from appliance.vms.changes import Action, Changes, ResourceChange
from appliance.vms.cloud_init import VmSecrets, user_data, user_secret_name
from appliance.vms.first_boot import Login, wait_for_vm
from appliance.vms.variables import NAMESPACE

_LIMIT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class VmsWanted:
    """What s6 is given."""

    plan: Plan
    services: Services
    hypervisor: Hypervisor


@dataclass(frozen=True, slots=True)
class Vms:
    """The virtual machines that answer by SSH, and the lines of known_hosts for them."""

    plan: Plan
    ready: tuple[str, ...]
    known_hosts: str


class VmsStep(Step[VmsWanted, Vms]):
    """Makes what is missing, by a plan that is shown before it is applied."""

    name = "s6"
    title = "create the virtual machines"

    def __init__(self, context: Context) -> None:
        self._context = context

    def digest(self, given: VmsWanted) -> str:
        """Name the plan."""
        return given.plan.digest()

    def check(self, given: VmsWanted) -> Done[Vms] | NotYet:
        """Done where the site has none; else Terraform compares them anew each run."""
        if not given.plan.vms:
            return Done(Vms(given.plan, (), ""), {"vms": "none wanted"})
        return NotYet("Terraform compares them anew each run")

    def run(self, given: VmsWanted) -> Done[Vms]:
        """Plan, show, apply that plan, see each machine answer. Raises StepError naming one."""
        context, plan = self._context, given.plan
        tending = Tending(context, given.services)
        secrets = vm_secrets(plan, context.vault)
        context.redactor = Redactor(context.vault.all())
        tending.work(lambda _say: _put_user_data(given, secrets))
        with SiteTerraform(context, plan, given.hypervisor.api).opened() as terraform:
            changes = tending.work(terraform.plan)
            self._show(changes)
            self._refuse_loss(changes)
            if plan.staging is not None and plan.staging.vm in _made(changes, plan):
                given.services.release_services_address()
            if not changes.is_empty:
                tending.work(lambda say: terraform.apply(changes, say))
            for each in tending.work(lambda _say: terraform.attach_devices()):
                context.tell("finding", f"{each} gets its devices of the host when it is restarted")
        for each in sorted(_named(changes, Action.REMOVE)):
            context.tell("vm", f"{each} is removed", machine=each, data={"now": "removed"})
        for each in _made(changes, plan):
            context.tell("vm", f"{each} is created", machine=each, data={"now": "created"})
        login = Login(
            known_hosts(plan, secrets), site_secrets(context.vault).ssh_key, context.vault.all()
        )
        awaited = tuple(vm for vm in plan.vms if vm.image and vm.address and vm.running)
        staging = Staging(context, plan, login.known_hosts) if plan.staging else None
        tending.work(lambda say: _await_all(given, awaited, login, staging, context.stop, say))
        states = {vm.name: "running" if vm.running else "stopped" for vm in plan.vms}
        return Done(
            Vms(plan, tuple(vm.name for vm in awaited), login.known_hosts),
            {"vms": states, "changed": str(changes.counts)},
        )

    def _show(self, changes: Changes) -> None:
        lines = changes.lines()
        self._context.tell(
            "vms-planned",
            f"Terraform's plan: {changes}" + "".join(f"\n  {line}" for line in lines),
            data={"changes": list(lines)},
        )

    def _refuse_loss(self, changes: Changes) -> None:
        """A machine that is replaced or removed loses its disk: that is asked, or was agreed."""
        options = self._context.options
        lost = {
            _name(each): each.what
            for each in changes.resources
            if each.action in (Action.REPLACE, Action.REMOVE) and each.kind == _MACHINE
        }
        asked = {name: what for name, what in lost.items() if name not in options.may_lose}
        if not asked or options.yes:
            return
        words = ", ".join(asked.values())
        if self._context.confirm(f"{words}: lost with its disk. Go on?"):
            return
        # Whoever goes on from elsewhere, the wizard say, asks for all of these names.
        self._context.tell(
            WOULD_BE_LOST, f"{words}: nobody has agreed to lose it", data={"names": sorted(lost)}
        )
        agreed = " ".join(map(advice.may_lose, sorted(lost)))
        raise StepError(
            f"{words} would be lost with its disk",
            why="the site file asks for it, and nobody has agreed",
            fix=advice.agree_to_loss(agreed),
        )


_MACHINE = "harvester_virtualmachine"

WOULD_BE_LOST = "would-be-lost"
"""The event that names, in `data["names"]`, what a run stopped at because nobody had agreed."""


def refused_losses(journal: Journal) -> frozenset[str]:
    """Name the virtual machines that the newest run did not destroy because nobody had agreed."""
    found: frozenset[str] = frozenset()
    for event in journal.events(kinds=("run-started", WOULD_BE_LOST)):
        names = event.data.get("names")
        found = frozenset(map(str, names)) if isinstance(names, list) else frozenset()
    return found


def _name(change: ResourceChange) -> str:
    return str((change.values or {}).get("name") or change.what)


def _put_user_data(given: VmsWanted, secrets: Mapping[str, VmSecrets]) -> None:
    """Give the hypervisor each machine's user data: it holds a private key, so not by Terraform."""
    for name, own in secrets.items():
        vm = given.plan.vm(name)
        data = {"userdata": user_data(given.plan, vm, own)}
        given.hypervisor.api.put_secret(NAMESPACE, user_secret_name(vm), data)


def _made(changes: Changes, plan: Plan) -> tuple[str, ...]:
    made = _named(changes, Action.MAKE, Action.REPLACE)
    return tuple(vm.name for vm in plan.vms if vm.name in made)


def _named(changes: Changes, *actions: Action) -> frozenset[str]:
    return frozenset(
        _name(each)
        for each in changes.resources
        if each.kind == _MACHINE and each.action in actions
    )


def _await_all(
    given: VmsWanted,
    vms: tuple[VmPlan, ...],
    login: Login,
    staging: Staging | None,
    stop: threading.Event,
    say: Say,
) -> None:
    """See every machine answer; the staging machine is set up while the others still boot.

    Raises what the first of them failed with, after the others' failures are told.
    """

    def one(vm: VmPlan) -> None:
        answers = f"{vm.name} answers by SSH"
        wait_for_vm(
            vm,
            login,
            stop=stop,
            seconds=_LIMIT_SECONDS,
            on_answer=lambda: say("vm", answers, machine=vm.name, data={"now": "answers"}),
        )
        if staging is not None and given.plan.staging and vm.name == given.plan.staging.vm:
            staging.set_up(say)
        say("vm", f"{vm.name} is ready", machine=vm.name, data={"now": "ready"})

    with ThreadPoolExecutor(max_workers=max(1, len(vms)), thread_name_prefix="vm") as pool:
        futures = [pool.submit(one, vm) for vm in vms]
    failed = [error for each in futures if (error := each.exception()) is not None]
    for error in failed:
        if isinstance(error, StopRequestedError):
            raise error
    for error in failed[1:]:
        say("finding", str(error))
    if failed:
        raise failed[0]
