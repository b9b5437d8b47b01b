"""All objects of the cluster, made from what the servers know. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .images import Needs
from .kinds import KINDS, Kind
from .liveness import UNKNOWN, Condition
from .pods import (
    SYSTEM,
    NodeState,
    Object,
    Settings,
    back_off,
    controllers,
    placed,
    pod,
    settings,
    uid,
    workloads,
)

NAMESPACES = ("default", "kube-node-lease", "kube-public", SYSTEM)
LEASES = "kube-node-lease"
_OWN_TAINTS = ("node.kubernetes.io/unreachable", "node.kubernetes.io/not-ready")
_UNSCHEDULABLE = "node.kubernetes.io/unschedulable"
_BY_KIND = {k.kind: k for k in KINDS}


@dataclass(frozen=True, slots=True)
class Cluster:
    """What the objects are made from."""

    product: str
    version: str
    created: str
    document: Mapping[str, Any]
    needs: Needs
    nodes: Sequence[NodeState]
    renewed: Mapping[str, str]
    servers: Sequence[str]
    stored: Sequence[Object]
    service_address: str
    dns_address: str


def build(cluster: Cluster) -> Iterator[tuple[Kind, Object]]:
    """Give every object with its kind."""
    chosen = settings(cluster.product, cluster.document, cluster.needs)
    cni = str(cluster.document.get("cni", "canal"))
    shown = _pods(cluster, chosen, cni)
    made: list[Object] = [_namespace(name, cluster.created) for name in NAMESPACES]
    made += [_node(cluster, node) for node in cluster.nodes]
    made += shown
    made += controllers(shown, workloads(cluster.needs, chosen, cni), cluster.created)
    made += [_lease(cluster, node) for node in cluster.nodes]
    made += _services(cluster)
    made += [event for node in cluster.nodes for event in _events(node, shown)]
    taken = {(o["kind"], o["metadata"].get("namespace"), o["metadata"]["name"]) for o in made}
    made += [
        each
        for each in cluster.stored
        if (each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) not in taken
    ]
    for each in made:
        yield _BY_KIND[each["kind"]], each


def _pods(cluster: Cluster, chosen: Settings, cni: str) -> list[Object]:
    counted: dict[str, int] = {}
    shown = []
    for work, node in placed(cluster.nodes, cluster.needs, chosen, cni):
        number = counted.get(node.name, 0)
        counted[node.name] = number + (not work.host_network)
        shown.append(pod(work, node, number))
    return shown


def network_ready(images: frozenset[str], network: Sequence[str], cni: str) -> tuple[bool, str]:
    """Whether a node's network can come up, and what its kubelet says."""
    if cni == "embedded" or (network and images >= set(network)):
        return True, "kubelet is posting ready status"
    return False, (
        "container runtime network not ready: NetworkReady=false "
        "reason:NetworkPluginNotReady message:Network plugin returns error: "
        "cni plugin not initialized"
    )


def _namespace(name: str, created: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": name,
            "uid": uid("namespace", name),
            "creationTimestamp": created,
            "labels": {"kubernetes.io/metadata.name": name},
        },
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    }


def _node(cluster: Cluster, node: NodeState) -> Object:
    record = node.record
    spec: Object = {
        "podCIDR": record["podCIDR"],
        "podCIDRs": [record["podCIDR"]],
        "providerID": f"{cluster.product}://{node.name}",
    }
    taints = [*record["taints"], *_taints(node)]
    if record["unschedulable"]:
        spec["unschedulable"] = True
        taints.append({"key": _UNSCHEDULABLE, "effect": "NoSchedule"})
    if taints:
        spec["taints"] = taints
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": node.name,
            "uid": record["uid"],
            "creationTimestamp": record["created"],
            "labels": record["labels"],
            "annotations": record["annotations"],
        },
        "spec": spec,
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": record["address"]},
                {"type": "Hostname", "address": node.name},
            ],
            "capacity": record["capacity"],
            "allocatable": record["capacity"],
            "conditions": _conditions(node.condition),
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "images": [
                {"names": image["names"], "sizeBytes": image["size"]} for image in record["images"]
            ],
            "nodeInfo": record["info"],
        },
    }


def _taints(node: NodeState) -> list[Object]:
    if node.ready:
        return []
    key = _OWN_TAINTS[0] if node.condition.status == UNKNOWN else _OWN_TAINTS[1]
    return [{"key": key, "effect": "NoSchedule", "timeAdded": node.condition.since}]


def own_taints(taints: Sequence[Object]) -> list[Object]:
    """Leave out the taints that the cluster itself puts on and takes off."""
    return [t for t in taints if t.get("key") not in {*_OWN_TAINTS, _UNSCHEDULABLE}]


def _conditions(condition: Condition) -> list[Object]:
    pressure = (
        ("MemoryPressure", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    )
    lost = condition.status == UNKNOWN
    shown = [
        _condition(kind, UNKNOWN if lost else "False", reason, message, condition)
        for kind, reason, message in pressure
    ]
    own = (condition.status, condition.reason, condition.message)
    return [*shown, _condition("Ready", *own, condition)]


def _condition(
    kind: str, status: str, reason: str, message: str, condition: Condition
) -> dict[str, str]:
    if status == UNKNOWN:
        reason, message = condition.reason, condition.message
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": condition.heartbeat,
        "lastTransitionTime": condition.since,
    }


def _lease(cluster: Cluster, node: NodeState) -> Object:
    renewed = cluster.renewed.get(node.name) or str(node.record["created"])
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": node.name,
            "namespace": LEASES,
            "uid": uid("lease", node.name, str(node.record["uid"])),
            "creationTimestamp": node.record["created"],
        },
        "spec": {
            "holderIdentity": node.name,
            "leaseDurationSeconds": 40,
            "renewTime": renewed.replace("Z", ".000000Z"),
        },
    }


def _services(cluster: Cluster) -> list[Object]:
    prefix = "rke2-coredns-rke2-" if cluster.product == "rke2" else "kube-"
    labels = {
        "k8s-app": "kube-dns",
        "kubernetes.io/cluster-service": "true",
        "kubernetes.io/name": "CoreDNS",
    }
    dns = _service(f"{prefix}{'coredns' if cluster.product == 'rke2' else 'dns'}", SYSTEM, labels)
    ports = [
        {"name": "udp-53", "port": 53, "protocol": "UDP", "targetPort": "udp-53"},
        {"name": "tcp-53", "port": 53, "protocol": "TCP", "targetPort": "tcp-53"},
    ]
    dns["spec"] = _service_spec(cluster.dns_address, ports)
    dns["spec"]["selector"] = {"k8s-app": "kube-dns"}
    own = {"component": "apiserver", "provider": "kubernetes"}
    api = _service("kubernetes", "default", own)
    https = {"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}
    api["spec"] = _service_spec(cluster.service_address, [https])
    endpoints = _service("kubernetes", "default", {})
    endpoints["kind"] = "Endpoints"
    endpoints["subsets"] = [
        {
            "addresses": [{"ip": address} for address in cluster.servers],
            "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
        }
    ]
    for each in (dns, api, endpoints):
        each["metadata"]["creationTimestamp"] = cluster.created
    return [dns, api, endpoints]


def _service(name: str, namespace: str, labels: dict[str, str]) -> Object:
    identity = uid("service", namespace, name, str(bool(labels)))
    metadata: Object = {"name": name, "namespace": namespace, "uid": identity}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata}


def _service_spec(address: str, ports: list[Object]) -> Object:
    return {
        "type": "ClusterIP",
        "clusterIP": address,
        "clusterIPs": [address],
        "ports": ports,
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
        "sessionAffinity": "None",
    }


# --- events ---------------------------------------------------------------------------------


def _events(node: NodeState, shown: Sequence[Object]) -> Iterator[Object]:
    booted, created = str(node.record["booted"]), str(node.record["created"])
    about = {"kind": "Node", "name": node.name, "uid": str(node.record["uid"])}
    yield _event(about, "Starting", "Starting kubelet.", "kubelet", booted, node.name)
    registered = f"Node {node.name} event: Registered Node {node.name} in Controller"
    yield _event(about, "RegisteredNode", registered, "node-controller", created)
    since, status = node.condition.since, node.condition.status
    reason = "NodeReady" if status == "True" else "NodeNotReady"
    source = "node-controller" if status == UNKNOWN else "kubelet"
    text = f"Node {node.name} status is now: {reason}"
    yield _event(about, reason, text, source, since, node.name)
    for each in shown:
        if each["spec"]["nodeName"] == node.name:
            yield from _pulls(each, node, booted)


def _pulls(shown: Object, node: NodeState, booted: str) -> Iterator[Object]:
    metadata = shown["metadata"]
    about = {
        "kind": "Pod",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
        "apiVersion": "v1",
    }
    for container in shown["spec"]["containers"]:
        image = container["image"]
        if image in node.images:
            text = f'Container image "{image}" already present on machine'
            yield _event(about, "Pulled", text, "kubelet", booted, node.name, image)
        else:
            yield _event(about, "BackOff", back_off(image), "kubelet", booted, node.name, image)


def _event(
    about: Mapping[str, str],
    reason: str,
    text: str,
    source: str,
    when: str,
    host: str = "",
    key: str = "",
) -> Object:
    namespace = about.get("namespace", "default")
    identity = uid("event", about["uid"], reason, when, key)
    component: Object = {"component": source}
    if host and source == "kubelet":
        component["host"] = host
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{about['name']}.{identity.replace('-', '')[:16]}",
            "namespace": namespace,
            "uid": identity,
            "creationTimestamp": when,
        },
        "involvedObject": dict(about),
        "type": "Warning" if reason in {"BackOff", "NodeNotReady"} else "Normal",
        "reason": reason,
        "message": text,
        "source": component,
        "reportingComponent": source,
        "reportingInstance": host if source == "kubelet" else "",
        "firstTimestamp": when,
        "lastTimestamp": when,
        "count": 1,
        "eventTime": None,
    }
