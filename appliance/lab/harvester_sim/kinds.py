"""The kinds of object that the stand-in serves, and the discovery documents made of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

_VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `finalize_s` is how long a deleted object is still there before it is gone."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    finalize_s: float = 0.0
    free_update: bool = False
    """A PUT may leave the resource version out: built-in kinds allow that, custom ones do not."""

    @property
    def api_version(self) -> str:
        """`v1`, or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """`secrets`, or `virtualmachines.kubevirt.io`, as messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def listing(self) -> Json:
        """Give the kind's line in its group's list of resources."""
        line: Json = {
            "name": self.plural,
            "singularName": self.kind.lower(),
            "namespaced": self.namespaced,
            "kind": self.kind,
            "verbs": _VERBS,
        }
        if self.short:
            line["shortNames"] = list(self.short)
        return line


def _core(kind: str, plural: str, *short: str, namespaced: bool = True) -> Kind:
    return Kind("", "v1", kind, plural, namespaced, short, free_update=True)


NAMESPACE = _core("Namespace", "namespaces", "ns", namespaced=False)
NODE = _core("Node", "nodes", "no", namespaced=False)
SECRET = _core("Secret", "secrets")
CONFIG_MAP = _core("ConfigMap", "configmaps", "cm")
CLAIM = _core("PersistentVolumeClaim", "persistentvolumeclaims", "pvc")
POD = _core("Pod", "pods", "po")
SERVICE = _core("Service", "services", "svc")
EVENT = _core("Event", "events", "ev")

_HARVESTER = ("harvesterhci.io", "v1beta1")
# Longhorn takes the files of a deleted image away before the object goes.
IMAGE = Kind(*_HARVESTER, "VirtualMachineImage", "virtualmachineimages", short=("vmimage",))
KEY_PAIR = Kind(*_HARVESTER, "KeyPair", "keypairs", short=("kp",))
SETTING = Kind(*_HARVESTER, "Setting", "settings", namespaced=False)
BACKUP = Kind(*_HARVESTER, "VirtualMachineBackup", "virtualmachinebackups", short=("vmbackup",))

_NETWORK = ("network.harvesterhci.io", "v1beta1")
CLUSTER_NETWORK = Kind(*_NETWORK, "ClusterNetwork", "clusternetworks", namespaced=False)
# The provider deletes one and then watches for the event of its end, which must lie in the future
# (resource_vlanconfig.go of v1.8): on a real cluster each node's bond is taken down first.
VLAN_CONFIG = Kind(
    *_NETWORK, "VlanConfig", "vlanconfigs", namespaced=False, short=("vc",), finalize_s=3.0
)
NETWORK = Kind(
    "k8s.cni.cncf.io",
    "v1",
    "NetworkAttachmentDefinition",
    "network-attachment-definitions",
    short=("net-attach-def",),
)
STORAGE_CLASS = Kind(
    "storage.k8s.io",
    "v1",
    "StorageClass",
    "storageclasses",
    namespaced=False,
    short=("sc",),
    free_update=True,
)

MACHINE = Kind("kubevirt.io", "v1", "VirtualMachine", "virtualmachines", short=("vm", "vms"))
INSTANCE = Kind(
    "kubevirt.io", "v1", "VirtualMachineInstance", "virtualmachineinstances", short=("vmi", "vmis")
)

_BALANCE = ("loadbalancer.harvesterhci.io", "v1beta1")
_DEVICES = ("devices.harvesterhci.io", "v1beta1")
PCI_DEVICE = Kind(*_DEVICES, "PCIDevice", "pcidevices", namespaced=False)

KINDS: tuple[Kind, ...] = (
    NAMESPACE,
    NODE,
    SECRET,
    CONFIG_MAP,
    CLAIM,
    POD,
    SERVICE,
    EVENT,
    IMAGE,
    KEY_PAIR,
    SETTING,
    BACKUP,
    Kind(*_HARVESTER, "ScheduleVMBackup", "schedulevmbackups"),
    CLUSTER_NETWORK,
    VLAN_CONFIG,
    NETWORK,
    STORAGE_CLASS,
    MACHINE,
    INSTANCE,
    Kind(*_BALANCE, "LoadBalancer", "loadbalancers", short=("lb",)),
    Kind(*_BALANCE, "IPPool", "ippools", namespaced=False),
    PCI_DEVICE,
    Kind(*_DEVICES, "PCIDeviceClaim", "pcideviceclaims", namespaced=False),
    Kind(*_DEVICES, "SRIOVNetworkDevice", "sriovnetworkdevices", namespaced=False),
    Kind(*_DEVICES, "USBDevice", "usbdevices", namespaced=False),
    Kind(*_DEVICES, "USBDeviceClaim", "usbdeviceclaims", namespaced=False),
)

SUBRESOURCES = ("subresources.kubevirt.io", "v1")
"""The group of `restart`, `start` and `stop`, which has no objects of its own."""
ACTIONS = ("start", "stop", "restart")
_ACTION: Json = {
    "singularName": "",
    "namespaced": True,
    "kind": MACHINE.kind,
    "verbs": ["update"],
}


def find(group: str, version: str, plural: str) -> Kind | None:
    """Find a kind by the words of its path."""
    wanted = (group, version, plural)
    return next((k for k in KINDS if (k.group, k.version, k.plural) == wanted), None)


def groups() -> dict[str, str]:
    """Give every named group and its version."""
    found = {kind.group: kind.version for kind in KINDS if kind.group}
    return {**found, SUBRESOURCES[0]: SUBRESOURCES[1]}


def discover(path: str) -> Json | None:
    """Answer a question about what is served: `/api`, `/apis`, a group, a group's version."""
    words = path.strip("/").split("/")
    if words == ["api"]:
        return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if words == ["apis"]:
        named = [_group(name, version) for name, version in groups().items()]
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": named}
    if words == ["api", "v1"]:
        return _resources("", "v1")
    if words[0] == "apis" and words[1] in groups():
        version = groups()[words[1]]
        if len(words) == 2:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group(words[1], version)}
        if len(words) == 3 and words[2] == version:
            return _resources(words[1], version)
    return None


def _group(name: str, version: str) -> Json:
    told = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [told], "preferredVersion": told}


def _resources(group: str, version: str) -> Json:
    lines = [kind.listing() for kind in KINDS if kind.group == group]
    if (group, version) == SUBRESOURCES:
        lines = [{**_ACTION, "name": f"{MACHINE.plural}/{action}"} for action in ACTIONS]
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}" if group else version,
        "resources": lines,
    }
