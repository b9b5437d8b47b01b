"""`provision drift`: what differs from what was built. It looks and changes nothing."""

from __future__ import annotations

from appliance.cluster.health import health
from appliance.flow.context import Context
from appliance.flow.site_terraform import KUBECONFIG, SiteTerraform
from appliance.flow.tending import Tending
from appliance.hypervisor.api import HarvesterApi
from appliance.hypervisor.ready import answers
from appliance.site.plan import Plan


def drift_of(context: Context, plan: Plan) -> tuple[str, ...]:
    """Give what differs, a sentence each; nothing: all is as it was built.

    Asks the hypervisor, Terraform and the cluster. Raises what Terraform's driver raises, and
    PreflightError for a site that was not built from this laptop.
    """
    found = list(_silent(plan))
    if plan.vms:
        found += _of_vms(context, plan)
    kubeconfig = context.vault.get("kubeconfig")
    if plan.cluster is not None and plan.cluster.active and kubeconfig is not None:
        found += health(kubeconfig, plan).reasons
    return tuple(found)


def _silent(plan: Plan) -> list[str]:
    asked = (("the VIP", plan.hypervisor.vip), *((m.name, m.address) for m in plan.machines))
    return [
        f"{name} ({address}): {answer.text}"
        for name, address in asked
        if not (answer := answers(address)).ok
    ]


def _of_vms(context: Context, plan: Plan) -> list[str]:
    kept = context.vault.get(KUBECONFIG)
    api = None if kept is None else HarvesterApi.by(kept)
    with SiteTerraform(context, plan, api).opened() as terraform:
        return list(Tending(context, None).work(terraform.drift).findings())
