"""A small Plan with a staging machine, for tests of what takes the laptop's place."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from typing import Any

from appliance.site.plan import ClusterPlan, Distribution, Plan, StagingPlan, VmKind, VmPlan
from appliance.values import Mac
from tests.plans import NETWORK, plan

_GIB = 1 << 30


def _vm(name: str, kind: VmKind, last: int) -> VmPlan:
    return VmPlan(
        name=name,
        kind=kind,
        network="main",
        mac=Mac(f"0200000000{last:02d}"),
        address=IPv4Address(f"10.20.0.{last}"),
        cpus=1,
        memory=_GIB,
        disk=10 * _GIB,
        image="debian",
    )


def staged(*, address: str = "10.20.0.5", images: tuple[str, ...] = (), **changes: Any) -> Plan:
    """Give a plan with a staging machine, three servers and an agent."""
    services = IPv4Address(address)
    staging = replace(_vm("staging", VmKind.STAGING, 5), address=services)
    servers = tuple(_vm(f"server{n}", VmKind.SERVER, 20 + n) for n in (1, 2, 3))
    agent = _vm("agent1", VmKind.AGENT, 31)
    vms = (staging, *servers, agent)
    network = replace(NETWORK, dns=(services,), ntp=(services,))
    members = tuple((each.name, each.address) for each in vms if each.address)
    cluster = tuple(("cluster", each.address) for each in servers if each.address)
    made = replace(
        plan(network=network),
        hosts=(("hv1", IPv4Address("10.20.0.11")), *members, *cluster),
        vms=vms,
        cluster=ClusterPlan(
            distribution=Distribution.RKE2,
            version="v1.36.3+rke2r1",
            servers=tuple(each.name for each in servers),
            agents=(agent.name,),
            registration="cluster.alpha.site",
            names=("cluster.alpha.site",),
            artifacts=("rke2.linux-amd64.tar.gz",),
        ),
        staging=StagingPlan(vm="staging", address=services, images=images),
    )
    return replace(made, **changes)
