"""What is done for each kind of thing: made, read, changed and removed, with upstream's calls."""

from __future__ import annotations

import base64
import json
from typing import Any, Protocol

from appliance.lab.harvester_provider import machine, metadata
from appliance.lab.harvester_provider.kube import ApiError, Cluster, Json
from appliance.lab.harvester_provider.schema import CLOUD_INIT_DISK
from appliance.lab.harvester_provider.waiting import Wait

State = dict[str, Any]

_HARVESTER = "/apis/harvesterhci.io/v1beta1"
_CLUSTER_NETWORKS = "/apis/network.harvesterhci.io/v1beta1/clusternetworks"
_ROUTE = "network.harvesterhci.io/route"
_CLUSTER_NETWORK = "network.harvesterhci.io/clusternetwork"
_NETWORK_TYPE = "network.harvesterhci.io/type"
_STORAGE_CLASS = "harvesterhci.io/storageClassName"
_REMOVED_CLAIMS = "harvesterhci.io/removedPersistentVolumeClaims"
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


class PartialError(Exception):
    """A thing was made and is not as it should be; `state` is what is known of it."""

    def __init__(self, message: str, state: State) -> None:
        super().__init__(message)
        self.state = state


class Operations(Protocol):
    """One kind of thing. All raise ApiError or ValueError; `create` may raise PartialError."""

    def create(self, cluster: Cluster, wanted: State, wait: Wait) -> State:
        """Make it and wait until it is good for use; give what it then is."""

    def read(self, cluster: Cluster, known: State) -> State | None:
        """Give what it is; None where it is no more."""

    def update(self, cluster: Cluster, known: State, wanted: State, wait: Wait) -> State:
        """Change it in place; give what it then is."""

    def delete(self, cluster: Cluster, known: State, wait: Wait) -> None:
        """Remove it and wait until it is gone."""


def _path(known: State, collection: str) -> str:
    return collection.format(namespace=known["namespace"]) + f"/{known['name']}"


def _existing(cluster: Cluster, path: str) -> Json:
    found = cluster.get(path)
    if found is None:
        raise ApiError(404, f"{path} not found")
    return found


def _gone(cluster: Cluster, path: str, wait: Wait) -> None:
    wait.until(lambda: "Active" if cluster.get(path) else "Removed", "Removed")


class Image:
    """A VirtualMachineImage, which Harvester fetches."""

    _all = _HARVESTER + "/namespaces/{namespace}/virtualmachineimages"

    def create(self, cluster: Cluster, wanted: State, wait: Wait) -> State:
        """Make it and wait until it was fetched, checked and imported."""
        if wanted["source_type"] == "download" and not wanted.get("url"):
            raise ValueError("must specify image url if image source type is download")
        image: Json = {
            "apiVersion": "harvesterhci.io/v1beta1",
            "kind": "VirtualMachineImage",
            "metadata": metadata.new(wanted),
            "spec": _image_spec(wanted),
        }
        metadata.marked(image["metadata"], wanted)
        if wanted.get("storage_class_name"):
            image["metadata"]["annotations"][_STORAGE_CLASS] = wanted["storage_class_name"]
        cluster.post(self._all.format(namespace=wanted["namespace"]), image)
        path = _path(wanted, self._all)
        found = image
        try:
            wait.until(lambda: _image_progress(_existing(cluster, path)), "Active")
            found = _existing(cluster, path)
        except ApiError as error:
            raise PartialError(str(error), _read_image(found)) from error
        return _read_image(found)

    def read(self, cluster: Cluster, known: State) -> State | None:
        """Read it."""
        found = cluster.get(_path(known, self._all))
        return None if found is None else _read_image(found)

    def update(self, cluster: Cluster, known: State, wanted: State, wait: Wait) -> State:
        """Change its tags and description; anything else makes it anew."""
        path = _path(known, self._all)
        found = _existing(cluster, path)
        metadata.marked(found["metadata"], wanted)
        return _read_image(cluster.put(path, found))

    def delete(self, cluster: Cluster, known: State, wait: Wait) -> None:
        """Remove it."""
        path = _path(known, self._all)
        cluster.delete(path)
        _gone(cluster, path, wait)


def _image_spec(wanted: State) -> Json:
    spec = {
        "displayName": wanted["display_name"],
        "sourceType": wanted["source_type"],
        "backend": wanted["backend"],
        "url": wanted.get("url") or "",
        "pvcName": wanted.get("pvc_name") or "",
        "pvcNamespace": wanted.get("pvc_namespace") or "",
    }
    if wanted.get("checksum"):
        spec["checksum"] = wanted["checksum"]
    return spec


def _image_progress(image: Json) -> str:
    """Give the state as the provider calls it. Raises ApiError with Harvester's word."""
    state = _read_image(image)
    if state["state"] == "Failed":
        raise ApiError(0, state["message"])
    return str(state["state"])


def _read_image(image: Json) -> State:
    spec, status = image["spec"], image.get("status") or {}
    conditions = {each["type"]: each for each in status.get("conditions") or []}
    initialized = conditions.get("Initialized", {})
    message = initialized.get("message", "")
    if initialized.get("status") == "True":
        imported = conditions.get("Imported", {}).get("status") == "True"
        state = "Active" if imported else "Downloading"
    else:
        state = "Failed" if message else "Initializing"
    return {
        **metadata.common(image),
        "display_name": spec.get("displayName", ""),
        "source_type": spec.get("sourceType", ""),
        "backend": spec.get("backend", "backingimage"),
        "url": spec.get("url", ""),
        "checksum": spec.get("checksum", ""),
        "pvc_name": spec.get("pvcName", ""),
        "pvc_namespace": spec.get("pvcNamespace", ""),
        "progress": status.get("progress", 0),
        "size": status.get("size", 0),
        "volume_storage_class_name": status.get("storageClassName", ""),
        "storage_class_parameters": spec.get("storageClassParameters") or {},
        "storage_class_name": (image["metadata"].get("annotations") or {}).get(_STORAGE_CLASS, ""),
        "state": state,
        "message": message,
    }


class Network:
    """A NetworkAttachmentDefinition on a cluster network."""

    _all = "/apis/k8s.cni.cncf.io/v1/namespaces/{namespace}/network-attachment-definitions"

    def create(self, cluster: Cluster, wanted: State, wait: Wait) -> State:
        """Make it, once its cluster network is ready."""
        network = {
            "apiVersion": "k8s.cni.cncf.io/v1",
            "kind": "NetworkAttachmentDefinition",
            "metadata": metadata.new(wanted),
            "spec": {},
        }
        _write_network(network, wanted)
        _wait_for_cluster_network(cluster, wanted["cluster_network_name"], wait)
        made = cluster.post(self._all.format(namespace=wanted["namespace"]), network)
        return _read_network(made)

    def read(self, cluster: Cluster, known: State) -> State | None:
        """Read it."""
        found = cluster.get(_path(known, self._all))
        return None if found is None else _read_network(found)

    def update(self, cluster: Cluster, known: State, wanted: State, wait: Wait) -> State:
        """Change it."""
        path = _path(known, self._all)
        found = _existing(cluster, path)
        _write_network(found, wanted)
        _wait_for_cluster_network(cluster, wanted["cluster_network_name"], wait)
        return _read_network(cluster.put(path, found))

    def delete(self, cluster: Cluster, known: State, wait: Wait) -> None:
        """Remove it."""
        path = _path(known, self._all)
        cluster.delete(path)
        _gone(cluster, path, wait)


def _wait_for_cluster_network(cluster: Cluster, name: str, wait: Wait) -> None:
    def look() -> str:
        found = cluster.get(f"{_CLUSTER_NETWORKS}/{name}")
        if found is None:
            raise ApiError(404, f"can not use the unready clusternetwork {name}: there is none")
        conditions = (found.get("status") or {}).get("conditions") or []
        ready = any(each["type"] == "ready" and each["status"] == "True" for each in conditions)
        return "Ready" if ready else "Active"

    wait.until(look, "Ready")


def _write_network(network: Json, wanted: State) -> None:
    mode, cidr, gateway = (
        wanted.get(key) or "" for key in ("route_mode", "route_cidr", "route_gateway")
    )
    if mode == "manual" and not (cidr and gateway):
        raise ValueError("must specify route_cidr and route_gateway in manual route type")
    if mode == "auto" and (cidr or gateway):
        raise ValueError("can not use route_mode auto when route_cidr has been specified")
    meta = network["metadata"]
    # What the server had put there goes with it; it puts it there again.
    metadata.marked(meta, {**wanted, "labels": None})
    meta["labels"][_CLUSTER_NETWORK] = wanted["cluster_network_name"]
    route = {
        "mode": mode,
        "serverIPAddr": wanted.get("route_dhcp_server_ip") or "",
        "cidr": cidr,
        "gateway": gateway,
    }
    meta.setdefault("annotations", {})[_ROUTE] = json.dumps(
        {key: text for key, text in route.items() if text}, separators=(",", ":")
    )
    config = {
        "cniVersion": "0.3.1",
        "name": wanted["name"],
        "type": "bridge",
        "bridge": f"{wanted['cluster_network_name']}-br",
        "promiscMode": True,
        "vlan": wanted["vlan_id"] or 0,  # after an import the SDK's zero is null
        "ipam": {},
    }
    network["spec"]["config"] = json.dumps(config, separators=(",", ":"))


def _read_network(network: Json) -> State:
    meta, config = network["metadata"], network["spec"]["config"]
    labels = meta.get("labels") or {}
    route = json.loads((meta.get("annotations") or {}).get(_ROUTE) or "{}")
    vlan = labels.get(_NETWORK_TYPE) == "L2VlanNetwork"
    return {
        **metadata.common(network),
        "vlan_id": json.loads(config)["vlan"] if vlan else 0,
        "config": config,
        "cluster_network_name": labels.get(_CLUSTER_NETWORK, ""),
        "route_mode": route.get("mode", ""),
        "route_dhcp_server_ip": route.get("serverIPAddr", ""),
        "route_cidr": route.get("cidr", ""),
        "route_gateway": route.get("gateway", ""),
        "route_connectivity": route.get("connectivity", ""),
    }


class CloudInitSecret:
    """A Secret with user data and network data."""

    _all = "/api/v1/namespaces/{namespace}/secrets"

    def create(self, cluster: Cluster, wanted: State, wait: Wait) -> State:
        """Make it."""
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata.new(wanted)}
        _write_secret(secret, wanted)
        made = cluster.post(self._all.format(namespace=wanted["namespace"]), secret)
        return _read_secret(made, wanted)

    def read(self, cluster: Cluster, known: State) -> State | None:
        """Read it."""
        found = cluster.get(_path(known, self._all))
        return None if found is None else _read_secret(found, known)

    def update(self, cluster: Cluster, known: State, wanted: State, wait: Wait) -> State:
        """Change it."""
        path = _path(known, self._all)
        found = _existing(cluster, path)
        _write_secret(found, wanted)
        return _read_secret(cluster.put(path, found), wanted)

    def delete(self, cluster: Cluster, known: State, wait: Wait) -> None:
        """Remove it."""
        cluster.delete(_path(known, self._all))


def _write_secret(secret: Json, wanted: State) -> None:
    metadata.marked(secret["metadata"], wanted)
    secret["data"], secret["stringData"] = {}, {}
    for argument, key in (("user_data", "userdata"), ("network_data", "networkdata")):
        if text := wanted.get(argument):
            secret["stringData"][key] = text
        if text := wanted.get(f"{argument}_base64"):
            secret["stringData"][key] = base64.b64decode(text, validate=True).decode()


def _read_secret(secret: Json, known: State) -> State:
    data = secret.get("data") or {}
    state = metadata.common(secret)
    for argument, key in (("user_data", "userdata"), ("network_data", "networkdata")):
        plain = bool(known.get(argument)) and not known.get(f"{argument}_base64")
        encoded = data.get(key, "")
        state[argument] = base64.b64decode(encoded).decode() if plain else ""
        state[f"{argument}_base64"] = "" if plain else encoded
    return state


class Machine:
    """A VirtualMachine and, while it runs, its instance."""

    _all = "/apis/kubevirt.io/v1/namespaces/{namespace}/virtualmachines"
    _instances = "/apis/kubevirt.io/v1/namespaces/{namespace}/virtualmachineinstances"
    _commands = "/apis/subresources.kubevirt.io/v1/namespaces/{namespace}/virtualmachines"

    def __init__(self, *, tells_cloud_init_disk: bool) -> None:
        self._tells_cloud_init_disk = tells_cloud_init_disk

    def create(self, cluster: Cluster, wanted: State, wait: Wait) -> State:
        """Make it and wait until it runs, or is stopped where it is to be stopped."""
        written = machine.written(wanted, None, _storage_class(cluster))
        cluster.post(self._all.format(namespace=wanted["namespace"]), written)
        try:
            return self._settled(cluster, wanted, wait, None)
        except ApiError as error:
            known = self.read(cluster, wanted) or wanted
            raise PartialError(str(error), known) from error

    def read(self, cluster: Cluster, known: State) -> State | None:
        """Read it."""
        found = cluster.get(_path(known, self._all))
        if found is None:
            return None
        state = machine.read_back(found, cluster.get(_path(known, self._instances)))
        if not self._tells_cloud_init_disk:
            state["disk"] = [each for each in state["disk"] if each["name"] != CLOUD_INIT_DISK]
        local = ("restart_after_update", "create_initial_snapshot", "start")
        return state | {key: known.get(key) for key in local}

    def update(self, cluster: Cluster, known: State, wanted: State, wait: Wait) -> State:
        """Change it; a running one is restarted only where `restart_after_update` says so."""
        path = _path(known, self._all)
        found = _existing(cluster, path)
        written = machine.written(wanted, found, _storage_class(cluster))
        cluster.put(path, written)
        old = None
        runs = machine.strategy(written) in {"Always", "RerunOnFailure"}
        if runs and wanted.get("restart_after_update"):
            instance = cluster.get(_path(known, self._instances)) or {}
            old = (instance.get("metadata") or {}).get("uid")
            cluster.put(_path(known, self._commands) + "/restart", None)
        return self._settled(cluster, wanted, wait, old)

    def delete(self, cluster: Cluster, known: State, wait: Wait) -> None:
        """Remove it, with the volumes that are not to be kept."""
        path = _path(known, self._all)
        found = cluster.get(path)
        if found is None:
            return
        claims = machine.removed_claims(found, known)
        found["metadata"].setdefault("annotations", {})[_REMOVED_CLAIMS] = ",".join(claims)
        cluster.put(path, found)
        cluster.delete(path, foreground=True)
        _gone(cluster, path, wait)

    def _settled(self, cluster: Cluster, wanted: State, wait: Wait, old: str | None) -> State:
        """Wait for what its run strategy promises; `old` is the instance it is to be more than."""
        target = {"Halted": "Off", "Manual": ""}.get(wanted["run_strategy"], "Ready")

        def look() -> str:
            found = self.read(cluster, wanted)
            if found is None:
                raise ApiError(404, f"{wanted['name']} was removed meanwhile")
            instance = cluster.get(_path(wanted, self._instances)) or {}
            same = old is not None and (instance.get("metadata") or {}).get("uid") == old
            return "Running" if same else str(found["state"])

        if target:
            wait.until(look, target)
        return self.read(cluster, wanted) or wanted


def _storage_class(cluster: Cluster) -> machine.StorageClass:
    def find(image: str | None) -> str:
        if image is None:
            return _default_class(cluster)
        namespace, _, name = image.partition("/")
        path = f"{_HARVESTER}/namespaces/{namespace}/virtualmachineimages/{name}"
        status = _existing(cluster, path).get("status") or {}
        return str(status.get("storageClassName", ""))

    return find


def _default_class(cluster: Cluster) -> str:
    found = _existing(cluster, "/apis/storage.k8s.io/v1/storageclasses")
    for each in found.get("items") or []:
        if (each["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true":
            return str(each["metadata"]["name"])
    return ""
