"""`provision undo SITE --site`: the site itself is taken down, the last step's work first.

Virtual machines are destroyed with their disks. A hypervisor machine is powered off and forgotten:
its disk is never erased, and it is not installed again unless that is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from appliance.errors import StepError
from appliance.flow.context import Context
from appliance.flow.noted import Noted
from appliance.flow.preflight import refuse_unready_interface
from appliance.flow.s1_site import built_vms
from appliance.flow.s3_boot_services import BootServicesStep
from appliance.flow.s6_vms import VmsStep
from appliance.flow.secrets import site_secrets
from appliance.flow.site_terraform import KUBECONFIG, SiteTerraform
from appliance.flow.tending import Say, Tending
from appliance.flow.vm_states import vm_states
from appliance.hypervisor.access import SSH_USER
from appliance.hypervisor.api import HarvesterApi
from appliance.site.plan import MachinePlan, Plan
from appliance.tools.interface import about_to_set, prepare
from appliance.tools.ssh import UnknownHost, run_remote
from appliance.vms.changes import Changes
from appliance.vms.cloud_init import user_secret_name
from appliance.vms.variables import NAMESPACE

_LIVE_PASSWORD = "rancher"
_POWER_OFF = "sudo -n systemctl poweroff"


def what_goes(context: Context, plan: Plan) -> str:
    """Say what taking the site down would take: what was built, by the journal."""
    lost = set(built_vms(context.journal))
    begun = [each for each in context.journal.steps() if each.name == VmsStep.name]
    if begun and begun[-1].outcome != "done":  # it may have made any of them
        states = vm_states(context.journal, plan)
        lost |= {name for name, state in states.items() if state != "removed"}
    if lost:
        return f"virtual machines would be lost with their disks: {', '.join(sorted(lost))}"
    return "no virtual machine was built; the site's machines would be powered off and forgotten"


def take_down(context: Context, plan: Plan) -> Iterator[str]:
    """Take the site down; give a line for each thing done. Again continues.

    Raises PreflightError if the laptop is not at the site, StepError for virtual machines that
    cannot be destroyed: then no machine under them is powered off.
    """
    with on_the_wire(context, plan):
        yield from _destroy_vms(context, plan)
        for machine in reversed(plan.machines):
            yield _power_off(context, machine)


@contextmanager
def on_the_wire(context: Context, plan: Plan) -> Iterator[None]:
    """Give the laptop its address on the provisioning network for the time. Raises as s3 does."""
    interface, main = context.options.interface, plan.provisioning
    refuse_unready_interface(interface)
    noted = Noted(context, BootServicesStep.name)
    setting = noted.note(about_to_set(interface, main.bridge, main.cidr.prefixlen))
    try:
        prepare(setting)
        yield
    finally:
        noted.take_back(setting)


def _destroy_vms(context: Context, plan: Plan) -> Iterator[str]:
    kept = context.vault.get(KUBECONFIG)
    if kept is None or not plan.vms:
        return
    api = HarvesterApi.by(kept)
    tending = Tending(context, None)
    with SiteTerraform(context, plan, api).opened() as terraform:

        def destroy(say: Say) -> Changes:
            changes = terraform.plan(say, destroy=True)
            if not changes.is_empty:
                terraform.apply(changes, say)
            for vm in plan.vms:
                api.delete_secret(NAMESPACE, user_secret_name(vm))
            return changes

        changes = tending.work(destroy)
    for vm in plan.vms:
        context.tell("vm", f"{vm.name} is removed", machine=vm.name, data={"now": "removed"})
    yield f"s6: {changes.counts.remove} things removed from the hypervisor by Terraform"


def _power_off(context: Context, machine: MachinePlan) -> str:
    """Power a machine off and forget it; one that does not answer is off already, or told."""
    key = site_secrets(context.vault).ssh_key
    host = UnknownHost(_LIVE_PASSWORD, key)
    said = "powered off"
    try:
        run_remote(str(machine.address), SSH_USER, host, _POWER_OFF, seconds=30)
    except StepError as error:
        # The session may end before the command's status comes: it is being powered off then.
        said = f"not reached ({error.why}): switch it off by hand if it is on"
    context.proven.forget(machine.name)
    text = f"s4: {machine.name} is {said}, and forgotten; its disk is as it was"
    context.tell("undone", text, machine=machine.name)
    return text
