"""The cluster's own configuration, RKE2's or K3s': what all share, a role's part, a machine's part.

Pure, and without the token: the playbook adds it, and `server`, on the way to `config.yaml`. The
three parts are what rke2-ansible calls `cluster_rke2_config`, `group_rke2_config` and
`host_rke2_config`. Values and keys: docs.rke2.io and docs.k3s.io, "Configuration".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from appliance.site.plan import ClusterPlan, Distribution, Plan, VmPlan

Config = dict[str, Any]

REGISTRY_PORT = 5000
API_PORT = 6443


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a distribution keeps its things on a machine, and what its parts are called."""

    name: str
    config: str
    data: str
    server_unit: str
    agent_unit: str
    join_port: int

    @property
    def kubeconfig(self) -> str:
        """The administrator's kubeconfig on a server; root's and 0600."""
        return f"{self.config}/{self.name}.yaml"

    @property
    def images(self) -> str:
        """Archives in here are imported at every start."""
        return f"{self.data}/agent/images"


LAYOUTS = {
    Distribution.RKE2: Layout(
        name="rke2",
        config="/etc/rancher/rke2",
        data="/var/lib/rancher/rke2",
        server_unit="rke2-server",
        agent_unit="rke2-agent",
        join_port=9345,
    ),
    Distribution.K3S: Layout(
        name="k3s",
        config="/etc/rancher/k3s",
        data="/var/lib/rancher/k3s",
        server_unit="k3s",
        agent_unit="k3s-agent",
        join_port=API_PORT,
    ),
}


def shared_config(plan: Plan, cluster: ClusterPlan) -> Config:
    """Give what every member is told."""
    config: Config = {}
    if plan.staging is not None:
        # Else containerd asks the Internet for what the mirror does not hold, until a time-out.
        config["disable-default-registry-endpoint"] = True
    if cluster.cis:
        hardened = {Distribution.RKE2: ("profile", "cis"), Distribution.K3S: KERNEL_DEFAULTS}
        key, value = hardened[cluster.distribution]
        config[key] = value
    return config


KERNEL_DEFAULTS = ("protect-kernel-defaults", True)
"""K3s has no profiles; its hardening guide begins with this."""


def server_config(plan: Plan, cluster: ClusterPlan) -> Config:
    """Give what every server is told, the same on all of them.

    Each server's certificate has the names of all that join or ask; its own it adds by itself in
    `host_config`. Were the others' names in here, one more server would restart all of them.
    """
    own = {name for server in cluster.servers for name in own_names(plan, server)}
    shared = [name for name in cluster.names if name not in own]
    config: Config = {"tls-san": shared, "write-kubeconfig-mode": "0600"}
    if cluster.distribution is Distribution.RKE2:
        config["cni"] = "canal"
    elif cluster.cis:
        config["secrets-encryption"] = True
    return config


def agent_config(cluster: ClusterPlan) -> Config:
    """Give what every agent is told beyond what all are."""
    del cluster
    return {}


def host_config(plan: Plan, cluster: ClusterPlan, vm: VmPlan) -> Config:
    """Give what one machine alone is told. Lists are put before those of its role."""
    config: Config = {"node-name": vm.name, "node-ip": str(vm.address)}
    if vm.name in cluster.servers:
        config["tls-san"] = own_names(plan, vm.name)
    if cluster.distribution is Distribution.K3S and vm.name == cluster.servers[0]:
        # Else a lone K3s server keeps its state in SQLite, and no second one could ever join.
        config["cluster-init"] = True
    return config


def own_names(plan: Plan, name: str) -> list[str]:
    """Give the names and the address of one machine."""
    return [f"{name}.{plan.zone}", name, str(plan.vm(name).address)]


def registries(plan: Plan) -> Config:
    """Give `registries.yaml`: every image is asked of the staging machine. Empty without one."""
    if plan.staging is None:
        return {}
    name = registry_name(plan)
    endpoint = [f"http://{name}"]
    return {"mirrors": {name: {"endpoint": endpoint}, "*": {"endpoint": endpoint}}}


def registry_name(plan: Plan) -> str:
    """Give the staging registry's name and port."""
    return f"registry.{plan.zone}:{REGISTRY_PORT}"
