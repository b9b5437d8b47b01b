"""The objects that are there before anybody made one. Pure."""

from __future__ import annotations

import json
from typing import Any

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.kinds import Kind
from appliance.lab.harvester_sim.machine_admission import OVERCOMMIT

Json = dict[str, Any]

NAMESPACES = (
    "default",
    "kube-system",
    "kube-public",
    "cattle-system",
    "harvester-public",
    "harvester-system",
    "longhorn-system",
)
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def first_objects(harvester: str) -> list[tuple[Kind, Json]]:
    """Give what a freshly installed Harvester of that version has."""
    found: list[tuple[Kind, Json]] = [
        (kinds.NAMESPACE, {"metadata": {"name": name}, "status": {"phase": "Active"}})
        for name in NAMESPACES
    ]
    settings = {
        "server-version": harvester,
        "overcommit-config": json.dumps(OVERCOMMIT),
        "default-vm-termination-grace-period-seconds": "120",
        "upgrade-checker-enabled": "true",
        "ui-source": "auto",
    }
    for name, value in settings.items():
        body: Json = {"metadata": {"name": name}, "default": value}
        if name == "server-version":
            body["value"] = value
        found.append((kinds.SETTING, body))
    found.append((kinds.STORAGE_CLASS, _storage_class("harvester-longhorn", default=True)))
    found.append((kinds.STORAGE_CLASS, _storage_class("longhorn", default=False)))
    management = {"metadata": {"name": "mgmt", "annotations": {}}}
    found.append((kinds.CLUSTER_NETWORK, management))
    return found


def _storage_class(name: str, *, default: bool) -> Json:
    return {
        "metadata": {"name": name, "annotations": {DEFAULT_CLASS: "true" if default else "false"}},
        "provisioner": "driver.longhorn.io",
        "parameters": {"migratable": "true", "numberOfReplicas": "3", "staleReplicaTimeout": "30"},
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": True,
    }
