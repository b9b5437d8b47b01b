"""The Plan as an Ansible inventory, with the groups and variable names of rke2-ansible. Pure.

`playbooks/cluster.yml` reads it; `export` writes it as YAML that rke2-ansible takes as well
(github.com/ranchergovernment/rke2-ansible, roles/rke2/defaults/main.yml). It holds no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance import advice
from appliance.cluster.config import (
    LAYOUTS,
    Layout,
    agent_config,
    host_config,
    registries,
    server_config,
    shared_config,
)
from appliance.errors import InputError
from appliance.site.plan import ClusterPlan, Distribution, Plan, VmPlan
from appliance.tools.quoted_yaml import dump_quoted

TOKEN_VARIABLE = "rke2_token"
ARTIFACTS_FOLDER = "/var/lib/bridgehead"


def inventory(plan: Plan, digests: Mapping[str, str]) -> dict[str, Any]:
    """Give the inventory of the plan's cluster.

    `digests` are depot names to `sha256:…`. The token comes as the secret variable
    `TOKEN_VARIABLE`. Raises InputError without a cluster, for a member without an address, and
    for an artifact without a digest.
    """
    cluster = cluster_of(plan)
    return {
        "rke2_cluster": {
            "vars": _shared_vars(plan, cluster, digests),
            "children": {
                "rke2_servers": {
                    "vars": {"group_rke2_config": server_config(plan, cluster)},
                    "hosts": _hosts(plan, cluster, cluster.servers),
                },
                "rke2_agents": {
                    "vars": {"group_rke2_config": agent_config(cluster)},
                    "hosts": _hosts(plan, cluster, cluster.agents),
                },
            },
        }
    }


def export(plan: Plan, digests: Mapping[str, str], *, user: str) -> str:
    """Give the inventory as YAML, for rke2-ansible or for cluster.yml by hand."""
    document = inventory(plan, digests)
    document["rke2_cluster"]["vars"]["ansible_user"] = user
    return (
        f"# The cluster of site {plan.site_id}, in the groups and variables of rke2-ansible.\n"
        "# No secret is in it: rke2-ansible reads the token from the first server, and\n"
        f"# playbooks/cluster.yml is given it as {TOKEN_VARIABLE}.\n"
        f"---\n{dump_quoted(document).reveal()}"
    )


def cluster_of(plan: Plan) -> ClusterPlan:
    """Give the plan's cluster. Raises InputError where it has none."""
    if plan.cluster is None:
        raise InputError("the site has no cluster", fix="write cluster: in the site file")
    return plan.cluster


def member(plan: Plan, name: str) -> VmPlan:
    """Give a member's virtual machine. Raises InputError if it has no address of its own."""
    vm = plan.vm(name)
    if vm.address is None:
        raise InputError(
            f"{name} is to be in the cluster, but has no fixed address", fix="write its address"
        )
    return vm


def _shared_vars(plan: Plan, cluster: ClusterPlan, digests: Mapping[str, str]) -> dict[str, Any]:
    layout = LAYOUTS[cluster.distribution]
    artifacts = [_artifact(plan, layout, name, digests) for name in cluster.artifacts]
    images = [each["url"] for each in artifacts if each["path"].startswith(layout.images)]
    return {
        "rke2_install_version": cluster.version,
        "rke2_install_tarball_url": next(
            (
                each["url"]
                for each in artifacts
                if each["path"].endswith("/rke2.linux-amd64.tar.gz")
            ),
            "",
        ),
        "rke2_images_urls": images,
        "rke2_kubernetes_api_server_host": cluster.registration,
        "cluster_rke2_config": shared_config(plan, cluster),
        # From here on rke2-ansible knows nothing of it.
        "cluster_distribution": cluster.distribution.value,
        "cluster_cis": cluster.cis,
        "cluster_hosts": hosts_lines(plan, cluster),
        "cluster_artifacts": artifacts,
        "cluster_registries": registries(plan),
    }


def _artifact(plan: Plan, layout: Layout, name: str, digests: Mapping[str, str]) -> dict[str, str]:
    if name not in digests:
        raise InputError(
            f"nothing vouches for {name}", where="depot", fix=f"{advice.fetch()} first"
        )
    path, mode = destination(layout, name)
    return {
        "url": f"{plan.base_url}/a/{name}",
        "path": path,
        "sha256": digests[name].removeprefix("sha256:"),
        "mode": mode,
    }


def destination(layout: Layout, name: str) -> tuple[str, str]:
    """Give the path and mode on a machine of an artifact, by its name in the depot.

    Archives of images go straight to where they are imported from: RKE2's `install.sh` copies
    them only if the combined archive is there as well (rke2#6275, #6308), and twice a gigabyte
    is much on a small disk.
    """
    upstream = name.partition("_")[2] or name
    if "images" in upstream:
        return f"{layout.images}/{upstream}", "0644"
    if upstream == layout.name == LAYOUTS[Distribution.K3S].name:
        return f"/usr/local/bin/{upstream}", "0755"
    folder = f"{ARTIFACTS_FOLDER}/{layout.name}"
    return f"{folder}/{upstream}", "0755" if upstream.endswith(".sh") else "0644"


def hosts_lines(plan: Plan, cluster: ClusterPlan) -> list[str]:
    """Give the lines that every member has in /etc/hosts, so that the cluster needs no DNS.

    The registration name has a line for each server: glibc and Go give all of them, and Go tries
    one after the other. Agents are not in it: one more of them changes nothing on the others.
    """
    lines = []
    if _is_name(cluster.registration):
        servers = (member(plan, name) for name in cluster.servers)
        lines += [f"{vm.address} {cluster.registration}" for vm in servers]
    if plan.staging is not None:
        lines.append(f"{plan.staging.address} registry.{plan.zone}")
    return lines


def _is_name(registration: str) -> bool:
    return not registration.replace(".", "").isdigit() and ":" not in registration


def _hosts(plan: Plan, cluster: ClusterPlan, names: tuple[str, ...]) -> dict[str, Any]:
    members = [member(plan, name) for name in names]
    return {
        vm.name: {
            "ansible_host": str(vm.address),
            "cluster_own_hosts_line": f"{vm.address} {vm.name}.{plan.zone} {vm.name}",
            "host_rke2_config": host_config(plan, cluster, vm),
        }
        for vm in members
    }
