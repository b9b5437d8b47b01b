"""Plans with a cluster, worked out from a site as the product does."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from appliance.site.freeze import propose
from appliance.site.make_plan import make_plan
from appliance.site.plan import Plan
from tests.sites import site

RKE2 = "v1.36.3+rke2r1"
K3S = "v1.36.3+k3s1"


def cluster_plan(*, servers: int = 3, agents: int = 1, **changes: Any) -> Plan:
    """Give the plan of a site with one hypervisor machine and a cluster; `changes` as in a file."""
    cluster = {"rke2": RKE2, "servers": servers, "agents": agents, **changes}
    if "k3s" in cluster:
        del cluster["rke2"]
    wanted = site(cluster=cluster)
    return make_plan(wanted, propose(wanted, None))


def without_staging(plan: Plan) -> Plan:
    """Give the plan without its staging machine."""
    return replace(plan, staging=None)


def digests(plan: Plan) -> dict[str, str]:
    """Give a digest for each of the cluster's artifacts."""
    assert plan.cluster is not None
    return {
        name: f"sha256:{number:064x}" for number, name in enumerate(plan.cluster.artifacts, start=1)
    }
