"""The hand-over sheet: one page for whoever stays. What there is, how to reach it, what to keep.

It holds no secret: it names each one, and the command that prints it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from appliance.site.plan import ClusterPlan, MachinePlan, Plan, StagingPlan, VmKind, VmPlan
from appliance.tools import words
from appliance.tools.templates import load

API_PORT = 6443
REGISTRY_PORT = 5000


@dataclass(frozen=True, slots=True)
class Row:
    """One machine, real or virtual: what it is called, what it is for, where it is."""

    name: str
    purpose: str
    address: str


@dataclass(frozen=True, slots=True)
class Way:
    """One way in: what for, where, as whom, and which command gives the key."""

    what: str
    where: str
    who: str
    key: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the page says. `not_safe`: why the laptop must stay; empty: it may go."""

    site: str
    made_at: float
    not_safe: tuple[str, ...]
    rows: tuple[Row, ...]
    ways: tuple[Way, ...]
    services: tuple[tuple[str, str], ...]
    keep: tuple[str, ...]
    fingerprints: tuple[tuple[str, str], ...] = ()
    zone: tzinfo = field(default=UTC)


def make_sheet(
    plan: Plan,
    *,
    made_at: float,
    not_safe: tuple[str, ...],
    fingerprints: tuple[tuple[str, str], ...] = (),
    zone: tzinfo = UTC,
) -> Sheet:
    """Work the sheet out from the Plan. Pure."""
    return Sheet(
        site=plan.site_id,
        made_at=made_at,
        not_safe=not_safe,
        rows=(*map(_machine_row, plan.machines), *map(_vm_row, plan.vms)),
        ways=tuple(_ways(plan)),
        services=tuple(_services(plan)),
        keep=tuple(_keep(plan)),
        fingerprints=fingerprints,
        zone=zone,
    )


def render_sheet(sheet: Sheet) -> str:
    """Give the page. Pure but for reading its template."""
    return load("report/sheet.html.j2").render(
        sheet=sheet, moment=lambda at: words.moment(at, sheet.zone)
    )


def _machine_row(machine: MachinePlan) -> Row:
    return Row(machine.name, f"Harvester, {machine.role.value}", str(machine.address))


_PURPOSES = {
    VmKind.STAGING: "names, time, files and images of the site",
    VmKind.SERVER: "Kubernetes server",
    VmKind.AGENT: "Kubernetes agent",
    VmKind.PLAIN: "virtual machine",
}


def _vm_row(vm: VmPlan) -> Row:
    return Row(vm.name, _PURPOSES[vm.kind], str(vm.address) if vm.address else "its own")


def _ways(plan: Plan) -> list[Way]:
    site = "SITE"
    ways = [
        Way(
            "Harvester's web pages",
            f"https://{plan.hypervisor.vip}",
            "admin",
            f"provision secret {site} harvester-admin-password",
        ),
        Way(
            "a hypervisor machine",
            f"ssh rancher@{plan.create.address}",
            "rancher",
            f"provision secret {site} hypervisor-password",
        ),
    ]
    if plan.cluster is not None:
        server = plan.vm(plan.cluster.servers[0])
        ways.append(
            Way(
                "the Kubernetes cluster",
                f"https://{server.address}:{API_PORT}",
                "cluster-admin",
                f"provision kubeconfig {site} --out kubeconfig",
            )
        )
    if any(vm.image for vm in plan.vms):
        ways.append(
            Way(
                "a virtual machine",
                "ssh bridgehead@ADDRESS",
                "bridgehead",
                f"provision secret {site} ssh-key",
            )
        )
    return ways


def _services(plan: Plan) -> list[tuple[str, str]]:
    staging = plan.staging
    if staging is None:
        main = plan.provisioning
        return [
            ("Names (DNS)", ", ".join(map(str, main.dns))),
            ("Time (NTP)", ", ".join(map(str, main.ntp))),
        ]
    return [
        ("Names (DNS)", f"{staging.address}, zone {plan.zone}"),
        ("Time (NTP)", str(staging.address)),
        ("Files (HTTP)", f"http://{staging.address}/"),
        ("Images (registry)", f"registry.{plan.zone}:{REGISTRY_PORT}, {staging.address}"),
    ]


def _keep(plan: Plan) -> list[str]:
    keep = ["The addresses above never change: Harvester and the cluster are built on them."]
    if plan.staging is not None:
        keep.append(_keep_staging(plan.staging))
    if plan.cluster is not None:
        keep.append(_keep_cluster(plan.cluster))
    if len(plan.machines) < 3:
        keep.append(
            "With fewer than three hypervisor machines, one that fails stops what runs on it."
        )
    keep.append(
        "After a power cut: switch on the hypervisor machines; the virtual machines follow by "
        "themselves."
    )
    return keep


def _keep_staging(staging: StagingPlan) -> str:
    return (
        f"{staging.vm} must run: without it machines find no names, and their clocks drift apart."
    )


def _keep_cluster(cluster: ClusterPlan) -> str:
    servers = len(cluster.servers)
    if servers == 1:
        return f"The cluster stands and falls with {cluster.servers[0]}."
    most = (servers - 1) // 2
    borne = "one that fails" if most == 1 else f"{most} that fail"
    return f"More than half of the {servers} servers must run: the cluster bears {borne}."
