"""What Harvester's webhooks refuse and fill in when an object is written or deleted.

Learnt from harvester (pkg/webhook/resources, pkg/image/common), network-controller-harvester
(pkg/webhook/nad) and what terraform-provider-harvester v1.8 dereferences without a look.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.kinds import Kind
from appliance.lab.harvester_sim.machine_admission import (
    attached_claims,
    complete_machine,
    networks,
)
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.refusals import RefusedError, bad_request, denied, invalid

Json = dict[str, Any]

MANAGEMENT = "mgmt"
VALIDATOR = "validator.harvesterhci.io"
NETWORK_VALIDATOR = "validator.harvester-system.harvester-network-webhook"
DEFAULT_RETRIES = 3
IMAGE_CLASS_PARAMETERS = {
    "migratable": "true",
    "numberOfReplicas": "3",
    "staleReplicaTimeout": "30",
}
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")

_Admit = Callable[[ObjectStore, Json, Json | None], None]


def admit(store: ObjectStore, kind: Kind, new: Json, old: Json | None) -> None:
    """Complete `new` in place, or refuse it. `old` is what it replaces. Raises RefusedError."""
    name = new["metadata"]["name"]
    if old is None and (len(name) > 253 or not _NAME.fullmatch(name)):
        raise invalid(kind, name, "metadata.name", "a lowercase RFC 1123 subdomain is needed")
    for key, value in (new["metadata"].get("labels") or {}).items():
        if not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value):
            raise invalid(kind, name, "metadata.labels", f"{value!r} of {key} is no label value")
    if kind in _ADMIT:
        _ADMIT[kind](store, new, old)


def admit_deletion(store: ObjectStore, kind: Kind, found: Json) -> None:
    """Refuse the deletion of what is in use. Raises RefusedError."""
    if kind in _RELEASE:
        _RELEASE[kind](store, found)


# --- built-in kinds -------------------------------------------------------------------------


def _secret(store: ObjectStore, new: Json, old: Json | None) -> None:
    del store, old
    data = new.setdefault("data", {}) or {}
    for key, text in (new.pop("stringData", None) or {}).items():
        data[key] = base64.b64encode(text.encode()).decode("ascii")
    for key, text in data.items():
        try:
            base64.b64decode(text, validate=True)
        except (binascii.Error, TypeError, ValueError) as error:
            raise bad_request(f"illegal base64 data in Secret.data[{key}]") from error
    new["data"] = data
    new.setdefault("type", "Opaque")


def _claim(store: ObjectStore, new: Json, old: Json | None) -> None:
    name = new["metadata"]["name"]
    wanted = new["spec"]["resources"]["requests"]["storage"]
    storage_class = new["spec"].get("storageClassName")
    known = not storage_class or store.find(kinds.STORAGE_CLASS, "", storage_class) is not None
    if old is None and not known:
        raise denied(VALIDATOR, f'storageclasses.storage.k8s.io "{storage_class}" not found')
    new["spec"].setdefault("volumeName", f"pvc-{hashlib.sha256(name.encode()).hexdigest()[:12]}")
    new["status"] = {
        "phase": "Bound",
        "accessModes": new["spec"].get("accessModes", []),
        "capacity": {"storage": wanted},
    }


# --- Harvester's ----------------------------------------------------------------------------


def _image(store: ObjectStore, new: Json, old: Json | None) -> None:
    spec = new["spec"]
    shown = spec.get("displayName", "")
    if not shown:
        raise denied(VALIDATOR, "displayName is required")
    if not _LABEL_VALUE.fullmatch(shown):
        raise denied(VALIDATOR, "displayName is not a valid Kubernetes label value")
    for other in store.all(kinds.IMAGE, new["metadata"].get("namespace", "")):
        same = other["metadata"]["name"] == new["metadata"]["name"]
        if not same and other["spec"].get("displayName") == shown:
            raise RefusedError(409, "Conflict", "A resource with the same name exists")
    source = spec.setdefault("sourceType", "download")
    if source == "download" and not spec.get("url"):
        raise denied(VALIDATOR, "url is required")
    if source != "download" and spec.get("url"):
        raise denied(VALIDATOR, f'url should be empty when image source type is "{source}"')
    for field in ("displayName", "sourceType", "url", "checksum"):
        if old is not None and old["spec"].get(field) != spec.get(field):
            raise denied(VALIDATOR, f"{field} cannot be modified")
    spec.setdefault("retry", DEFAULT_RETRIES)
    spec["backend"] = spec.get("backend") or "backingimage"
    spec.setdefault("storageClassParameters", dict(IMAGE_CLASS_PARAMETERS))
    labels = new["metadata"].setdefault("labels", {})
    labels["harvesterhci.io/imageDisplayName"] = shown
    new.setdefault("status", {"progress": 0, "size": 0, "conditions": []})


def _release_image(store: ObjectStore, found: Json) -> None:
    storage_class = found.get("status", {}).get("storageClassName")
    for claim in store.all(kinds.CLAIM):
        if storage_class and claim["spec"].get("storageClassName") == storage_class:
            meta, owner = found["metadata"], claim["metadata"]
            raise denied(
                VALIDATOR,
                f"Cannot delete image {meta['namespace']}/{found['spec']['displayName']}: "
                f"being used by volume {owner['namespace']}/{owner['name']}",
            )


def _key_pair(store: ObjectStore, new: Json, old: Json | None) -> None:
    del store, old
    words = str(new["spec"].get("publicKey", "")).split()
    try:
        raw = base64.b64decode(words[1], validate=True)
    except (IndexError, binascii.Error) as error:
        raise denied(VALIDATOR, "Key is not in valid OpenSSH public key format") from error
    digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    new["status"] = {
        "fingerPrint": ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)),
        "conditions": [{"type": "validated", "status": "True"}],
    }


def _setting(store: ObjectStore, new: Json, old: Json | None) -> None:
    del store
    new.setdefault("status", {})
    if old is not None:
        new.setdefault("default", old.get("default", ""))


# --- networks -------------------------------------------------------------------------------


def _network(store: ObjectStore, new: Json, old: Json | None) -> None:
    del old
    name = new["metadata"]["name"]
    try:
        config = json.loads(new["spec"]["config"])
        bridge, vlan = config["bridge"], int(config.get("vlan", 0))
    except (KeyError, TypeError, ValueError) as error:
        raise denied(NETWORK_VALIDATOR, f"the config of {name} cannot be read: {error}") from error
    labels = new["metadata"].setdefault("labels", {})
    cluster_network = labels.get("network.harvesterhci.io/clusternetwork", "")
    if bridge != f"{cluster_network}-br":
        raise denied(NETWORK_VALIDATOR, f"the bridge {bridge} is not of {cluster_network!r}")
    found = store.find(kinds.CLUSTER_NETWORK, "", cluster_network)
    if found is None:
        said = f'clusternetworks.network.harvesterhci.io "{cluster_network}" not found'
        raise denied(NETWORK_VALIDATOR, said)
    if not 0 <= vlan <= 4094:
        raise denied(NETWORK_VALIDATOR, f"VLAN ID {vlan} is not within 0 to 4094")
    labels["network.harvesterhci.io/ready"] = "true" if is_ready(found) else "false"
    # The provider reads a VLAN id back only where this label says L2VlanNetwork; 0 is untagged.
    labels["network.harvesterhci.io/type"] = "L2VlanNetwork" if vlan else "UntaggedNetwork"
    labels.pop("network.harvesterhci.io/vlan-id", None)
    if vlan:
        labels["network.harvesterhci.io/vlan-id"] = str(vlan)


def _release_network(store: ObjectStore, found: Json) -> None:
    meta = found["metadata"]
    users = [
        f"{machine['metadata']['namespace']}/{machine['metadata']['name']}"
        for machine in store.all(kinds.MACHINE)
        if (meta["namespace"], meta["name"]) in networks(machine)
    ]
    if users:
        said = f"it's still used by VM(s) {', '.join(users)} which must be removed at first"
        raise denied(
            NETWORK_VALIDATOR, f"can't delete nad {meta['namespace']}/{meta['name']}, {said}"
        )


def is_ready(found: Json) -> bool:
    """Tell whether an object's condition `ready` is true."""
    conditions = found.get("status", {}).get("conditions", [])
    return any(c["type"] == "ready" and c["status"] == "True" for c in conditions)


def _cluster_network(store: ObjectStore, new: Json, old: Json | None) -> None:
    del old
    name = new["metadata"]["name"]
    if len(name) > 12:  # the bridge is `<name>-br`, and Linux takes 15
        raise denied(NETWORK_VALIDATOR, f"the length of the name {name} is more than 12")
    wired = name == MANAGEMENT or any(
        vlan["spec"].get("clusterNetwork") == name for vlan in store.all(kinds.VLAN_CONFIG)
    )
    condition = {"type": "ready", "status": "True" if wired else "False"}
    new["status"] = {"conditions": [condition]}


def _release_cluster_network(store: ObjectStore, found: Json) -> None:
    name = found["metadata"]["name"]
    if name == MANAGEMENT:
        raise denied(NETWORK_VALIDATOR, f"can't delete clusternetwork {name}, it is not allowed")
    for other in (*store.all(kinds.VLAN_CONFIG), *store.all(kinds.NETWORK)):
        of = other["metadata"].get("labels", {}).get("network.harvesterhci.io/clusternetwork")
        if name in (of, other["spec"].get("clusterNetwork")):
            said = f"{other['kind']} {other['metadata']['name']} still exists"
            raise denied(NETWORK_VALIDATOR, f"can't delete clusternetwork {name}, {said}")


def _vlan_config(store: ObjectStore, new: Json, old: Json | None) -> None:
    del old
    name = new["spec"].get("clusterNetwork", "")
    if name == MANAGEMENT:
        raise denied(NETWORK_VALIDATOR, f"cluster network {MANAGEMENT} is not allowed to be used")
    if store.find(kinds.CLUSTER_NETWORK, "", name) is None:
        raise denied(
            NETWORK_VALIDATOR, f'clusternetworks.network.harvesterhci.io "{name}" not found'
        )
    nodes = [node["metadata"]["name"] for node in store.all(kinds.NODE)]
    annotations = new["metadata"].setdefault("annotations", {})
    annotations["network.harvesterhci.io/matched-nodes"] = json.dumps(nodes)
    labels = new["metadata"].setdefault("labels", {})
    labels["network.harvesterhci.io/clusternetwork"] = name


# --- machines -------------------------------------------------------------------------------


def _release_claim(store: ObjectStore, found: Json) -> None:
    meta = found["metadata"]
    for machine in store.all(kinds.MACHINE, meta["namespace"]):
        if meta["name"] in attached_claims(machine):
            owner = f"{meta['namespace']}/{machine['metadata']['name']}"
            said = f"can not delete the volume {meta['name']} which is currently attached to VMs: "
            raise denied(VALIDATOR, said + owner)


_ADMIT: dict[Kind, _Admit] = {
    kinds.SECRET: _secret,
    kinds.CLAIM: _claim,
    kinds.IMAGE: _image,
    kinds.KEY_PAIR: _key_pair,
    kinds.SETTING: _setting,
    kinds.NETWORK: _network,
    kinds.CLUSTER_NETWORK: _cluster_network,
    kinds.VLAN_CONFIG: _vlan_config,
    kinds.MACHINE: complete_machine,
}
_RELEASE: dict[Kind, Callable[[ObjectStore, Json], None]] = {
    kinds.IMAGE: _release_image,
    kinds.NETWORK: _release_network,
    kinds.CLUSTER_NETWORK: _release_cluster_network,
    kinds.CLAIM: _release_claim,
}
