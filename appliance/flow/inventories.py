"""The cluster's inventory and its images, from the Plan and the depot."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.artifacts.depot import Depot
from appliance.cluster.image_names import image_names
from appliance.cluster.inventory import export, inventory
from appliance.flow.looking import Look
from appliance.paths import Paths
from appliance.site.artifact_names import DistributionFiles
from appliance.site.plan import Plan
from appliance.vms.cloud_init import USER


def cluster_inventory(plan: Plan, paths: Paths) -> dict[str, Any]:
    """Give what Ansible is given. Raises InputError without a cluster, ArtifactError."""
    return inventory(plan, _digests(plan, paths))


def inventory_text(look: Look) -> str:
    """Give it as YAML, for people and for rke2-ansible. Raises as `cluster_inventory`."""
    return export(look.plan, _digests(look.plan, look.paths), user=USER)


def cluster_images(plan: Plan, paths: Paths) -> frozenset[str]:
    """Name the images of the distribution's archives; a GB takes seconds. Raises ArtifactError."""
    if plan.cluster is None:
        return frozenset()
    depot = Depot(paths.depot)
    files = DistributionFiles.of(plan.cluster.distribution, plan.cluster.version)
    return frozenset(name for each in files.images for name in image_names(depot.path_of(each)))


def _digests(plan: Plan, paths: Paths) -> Mapping[str, str]:
    depot = Depot(paths.depot)
    names = plan.cluster.artifacts if plan.cluster is not None else ()
    depot.verify_again(names)  # which names all that lack
    return {name: str(depot.digests(name)["sha256"]) for name in names}
