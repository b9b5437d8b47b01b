"""Whether the laptop may leave: the services end here, and the site is asked to do without them."""

from __future__ import annotations

from collections.abc import Mapping

from appliance.boot.lease_store import laptop_boot, read_leases
from appliance.cluster.health import health
from appliance.flow.context import Context
from appliance.flow.staging_files import archives, staged_files
from appliance.flow.vm_secrets import vm_secrets
from appliance.handover.unplug import Evidence, NotYet, Safe, Seen, judge
from appliance.site.plan import Plan
from appliance.staging.proof import prove
from appliance.tools.interface import interface_with
from appliance.vms.cloud_init import network_data, user_data


def may_leave(context: Context, plan: Plan) -> Safe | NotYet:
    """Ask and judge. The boot services must have ended before: nobody is to be helped by them."""
    return judge(
        plan,
        Evidence(
            answers=_answers(context, plan),
            documents=_documents(context, plan),
            leased=_leased(context, plan),
            api=_api(context, plan),
            laptop=interface_with(plan.services) if plan.staging else "",
        ),
    )


def _answers(context: Context, plan: Plan) -> tuple[Seen, ...]:
    if plan.staging is None:
        return ()
    proofs = prove(
        plan, staged_files(context, plan), archives(context, plan), utc=context.clock.utc
    )
    return tuple(Seen(each.service.value, each.ok, each.text) for each in proofs)


def _documents(context: Context, plan: Plan) -> Mapping[str, str]:
    """Give what virtual machines live by. What a hypervisor machine lives by is in the Plan."""
    documents: dict[str, str] = {}
    secrets = vm_secrets(plan, context.vault)
    for name, own in secrets.items():
        vm = plan.vm(name)
        documents[f"{name}'s user data"] = user_data(plan, vm, own).reveal()
        documents[f"{name}'s network data"] = network_data(plan, vm)
    return documents


def _leased(context: Context, plan: Plan) -> tuple[str, ...]:
    """Name the machines that live on an address of this laptop's pool: they were set up by hand."""
    leases = read_leases(
        context.site_paths.boot / "boot.db", context.clock.monotonic(), boot=laptop_boot()
    )
    holders = {lease.mac for lease in leases if lease.address in plan.provisioning.pool}
    return tuple(vm.name for vm in plan.vms if vm.address is None and vm.mac in holders)


def _api(context: Context, plan: Plan) -> Seen | None:
    kubeconfig = context.vault.get("kubeconfig")
    if plan.cluster is None or not plan.cluster.active or kubeconfig is None:
        return None
    found = health(kubeconfig, plan)
    text = f"{len(found.ready)} nodes Ready, {found.pods} pods" if found.ok else ""
    return Seen("the cluster's API", found.ok, text or "; ".join(found.reasons))
