"""The pods that a cluster of this version shows: what runs where, from which image. Pure.

Nothing runs. A pod is shown as running where its node keeps its lease and its images were among
those imported there; an image that is missing would have to come from outside, and is shown as
upstream shows that on a site without Internet.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

from .images import Needs
from .liveness import Condition

Object = dict[str, Any]
SYSTEM = "kube-system"
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # Kubernetes' own for generated names
_UNIVERSE = uuid.UUID("5f0f3f8e-6c57-4d5b-9d0e-3b1f0a6a7d11")


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node as it registered itself, and how it is now."""

    name: str
    record: Mapping[str, Any]
    condition: Condition

    @property
    def ready(self) -> bool:
        """Whether it is Ready."""
        return self.condition.status == "True"

    @property
    def is_server(self) -> bool:
        """Whether it is a server."""
        return bool(self.record["role"] == "server")

    @property
    def images(self) -> frozenset[str]:
        """The references of the images imported there."""
        return frozenset(ref for image in self.record["images"] for ref in image["names"])


@dataclass(frozen=True, slots=True)
class Settings:
    """What the first server decided for the cluster."""

    network: tuple[str, ...]
    ingress: str
    disabled: frozenset[str]
    kube_proxy: bool = True
    cloud_controller: bool = True
    embedded: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """Something that pods are made of: a static pod, a daemon set, a deployment or a job."""

    name: str
    kind: str
    containers: tuple[tuple[str, str], ...]
    replicas: int = 1
    host_network: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)


def settings(product: str, document: Mapping[str, Any], needs: Needs) -> Settings:
    """Read what the first server wrote down."""
    cni = str(document.get("cni", "canal"))
    images = {
        "canal": needs.network,
        "calico": ("docker.io/rancher/mirrored-calico-node:v3.32.1",),
        "cilium": ("docker.io/rancher/mirrored-cilium-cilium:v1.19.6",),
        "flannel": needs.network[1:],
    }
    return Settings(
        network=images.get(cni, ()) if product == "rke2" else (),
        ingress=str(document.get("ingress", "traefik")),
        disabled=frozenset(document.get("disable", ())),
        kube_proxy=document.get("disable-kube-proxy") != "true",
        cloud_controller=document.get("disable-cloud-controller") != "true",
        embedded=product == "k3s",
    )


def workloads(needs: Needs, chosen: Settings, cni: str) -> tuple[Workload, ...]:
    """Name what the cluster runs besides its static pods."""
    if chosen.embedded:
        return _k3s(needs, chosen)
    found = []
    if chosen.network:
        names = ("calico-node", "kube-flannel") if cni == "canal" else (f"{cni}-agent",)
        containers = tuple(zip(names, chosen.network, strict=False))
        found.append(Workload(f"rke2-{cni}", "DaemonSet", containers, host_network=True))
    found.append(_deployment("rke2-coredns-rke2-coredns", needs.coredns, "kube-dns"))
    found.append(_deployment("rke2-coredns-rke2-coredns-autoscaler", needs.autoscaler))
    found.append(_deployment("rke2-metrics-server", needs.metrics))
    found.append(_deployment("rke2-snapshot-controller", needs.snapshots))
    if chosen.ingress != "none":
        image = needs.ingress if chosen.ingress == "traefik" else _NGINX
        name = f"rke2-{chosen.ingress}"
        found.append(Workload(name, "DaemonSet", ((name, image),)))
    charts = ["coredns", "metrics-server", "snapshot-controller"]
    charts += [cni] if chosen.network else []
    charts += [chosen.ingress] if chosen.ingress != "none" else []
    for chart in charts:
        container = (("helm", needs.helm),)
        name = f"helm-install-rke2-{chart}"
        found.append(Workload(name, "Job", container, host_network=chart in {cni, "coredns"}))
    return tuple(each for each in found if not _is_disabled(each.name, chosen.disabled))


_NGINX = "docker.io/rancher/nginx-ingress-controller:v1.14.5-hardened2"


def _k3s(needs: Needs, chosen: Settings) -> tuple[Workload, ...]:
    found = [
        _deployment("coredns", needs.coredns, "kube-dns"),
        _deployment("local-path-provisioner", needs.snapshots),
        _deployment("metrics-server", needs.metrics),
        _deployment("traefik", needs.ingress),
        Workload("helm-install-traefik", "Job", (("helm", needs.helm),)),
    ]
    return tuple(each for each in found if not _is_disabled(each.name, chosen.disabled))


def _deployment(name: str, image: str, app: str = "") -> Workload:
    container = name.removeprefix("rke2-coredns-rke2-").removeprefix("rke2-")
    labels = {"k8s-app": app} if app else {}
    return Workload(name, "Deployment", ((container, image),), labels=labels)


def _is_disabled(name: str, disabled: frozenset[str]) -> bool:
    plain = name.removeprefix("helm-install-")
    return any(plain == each or plain.startswith(f"{each}-") for each in disabled)


def static(node: NodeState, needs: Needs, chosen: Settings) -> tuple[Workload, ...]:
    """Name the static pods of a node; K3s runs these parts inside itself."""
    if chosen.embedded:
        return ()
    names: list[tuple[str, str]] = []
    if node.is_server:
        names.append(("etcd", needs.etcd))
        for part in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
            names.append((part, needs.kubernetes))
        if chosen.cloud_controller:
            names.append(("cloud-controller-manager", needs.cloud_controller))
    if chosen.kube_proxy:
        names.append(("kube-proxy", needs.kubernetes))
    return tuple(Workload(n, "Node", ((n, image),), host_network=True) for n, image in names)


def placed(
    nodes: Sequence[NodeState], needs: Needs, chosen: Settings, cni: str
) -> Iterator[tuple[Workload, NodeState]]:
    """Say which workload stands where. What is not on every node is on the first Ready server."""
    for node in nodes:
        for each in static(node, needs, chosen):
            yield each, node
    preferred = sorted(nodes, key=lambda n: (not n.ready, not n.is_server, _age(n)))
    for each in workloads(needs, chosen, cni):
        for node in nodes if each.kind == "DaemonSet" else preferred[:1]:
            yield each, node


def _age(node: NodeState) -> tuple[str, str]:
    return str(node.record["created"]), node.name


def pod(work: Workload, node: NodeState, number: int) -> Object:
    """Show one pod."""
    name = _pod_name(work, node)
    missing = [image for _, image in work.containers if image not in node.images]
    done = work.kind == "Job" and not missing
    labels = {"app": work.name, **work.labels}
    if work.kind == "Node":
        labels = {"component": work.name, "tier": "control-plane"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": SYSTEM,
            "uid": uid("pod", name, str(node.record["uid"])),
            "creationTimestamp": node.record["created"],
            "labels": labels,
            "ownerReferences": [_owner(work, node)],
        },
        "spec": _pod_spec(work, node),
        "status": _pod_status(work, node, missing, number, done=done),
    }


def _pod_name(work: Workload, node: NodeState) -> str:
    if work.kind == "Node":
        return f"{work.name}-{node.name}"
    tail = suffix(f"{work.name}/{node.record['uid']}")
    if work.kind == "Deployment":
        return f"{work.name}-{suffix(work.name, 10)}-{tail}"
    return f"{work.name}-{tail}"


def _owner(work: Workload, node: NodeState) -> Object:
    versions = {"Node": "v1", "Job": "batch/v1"}
    kind = {"Deployment": "ReplicaSet"}.get(work.kind, work.kind)
    owner = node.name if work.kind == "Node" else work.name
    return {
        "apiVersion": versions.get(work.kind, "apps/v1"),
        "kind": kind,
        "name": owner,
        "uid": str(node.record["uid"]) if work.kind == "Node" else uid(work.kind, owner),
        "controller": True,
    }


def _pod_spec(work: Workload, node: NodeState) -> Object:
    containers = [
        {"name": n, "image": image, "imagePullPolicy": "IfNotPresent", "resources": {}}
        for n, image in work.containers
    ]
    spec: Object = {
        "nodeName": node.name,
        "containers": containers,
        "restartPolicy": "OnFailure" if work.kind == "Job" else "Always",
    }
    if work.host_network:
        spec["hostNetwork"] = True
    return spec


def _pod_status(
    work: Workload, node: NodeState, missing: list[str], number: int, *, done: bool
) -> Object:
    phase = "Pending" if missing else "Succeeded" if done else "Running"
    ready = phase == "Running" and node.ready
    since = str(node.record["booted"])
    reason = "PodCompleted" if done else "ContainersNotReady"
    conditions = [
        {"type": "PodScheduled", "status": "True", "lastTransitionTime": since},
        {"type": "Initialized", "status": "True", "lastTransitionTime": since},
    ]
    for kind in ("Ready", "ContainersReady"):
        state = {"type": kind, "status": str(ready), "lastTransitionTime": since}
        conditions.append(state if ready else {**state, "reason": reason})
    address = str(node.record["address"])
    return {
        "phase": phase,
        "conditions": conditions,
        "hostIP": address,
        "podIP": address if work.host_network else _inner(node, number),
        "startTime": since,
        "containerStatuses": [
            _container(name, image, node, missing, done=done) for name, image in work.containers
        ],
    }


def _inner(node: NodeState, number: int) -> str:
    return str(IPv4Network(str(node.record["podCIDR"]))[2 + number])


def _container(name: str, image: str, node: NodeState, missing: list[str], *, done: bool) -> Object:
    since = str(node.record["booted"])
    digests = {r: i["digest"] for i in node.record["images"] for r in i["names"]}
    state: Object = {"running": {"startedAt": since}}
    if missing:
        state = {"waiting": {"reason": "ImagePullBackOff", "message": back_off(image)}}
        if image not in missing:
            state = {"waiting": {"reason": "ContainerCreating"}}
    elif done:
        ended = {"exitCode": 0, "reason": "Completed", "startedAt": since, "finishedAt": since}
        state = {"terminated": ended}
    return {
        "name": name,
        "image": image,
        "imageID": digests.get(image, ""),
        "ready": not missing and not done,
        "started": not missing and not done,
        "restartCount": 0 if done else int(node.record["boots"]) - 1,
        "state": state,
    }


def back_off(image: str) -> str:
    """Say that an image cannot be had."""
    return f'Back-off pulling image "{image}"'


def controllers(shown: Sequence[Object], found: Sequence[Workload], created: str) -> list[Object]:
    """Show the daemon sets, deployments and jobs of these pods."""
    result = []
    for work in found:
        own = [p for p in shown if p["metadata"]["labels"].get("app") == work.name]
        ready = sum(c["type"] == "Ready" and c["status"] == "True" for p in own for c in _of(p))
        result.append(_controller(work, own, ready, created))
    return result


def _of(shown: Object) -> list[Object]:
    conditions: list[Object] = shown["status"]["conditions"]
    return conditions


def _controller(work: Workload, own: list[Object], ready: int, created: str) -> Object:
    labels = {"app": work.name, **work.labels}
    containers = [{"name": n, "image": i} for n, i in work.containers]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    total = len(own)
    if work.kind == "DaemonSet":
        status: Object = {
            "desiredNumberScheduled": total,
            "currentNumberScheduled": total,
            "updatedNumberScheduled": total,
            "numberReady": ready,
            "numberAvailable": ready,
            "numberMisscheduled": 0,
        }
    elif work.kind == "Deployment":
        status = {"replicas": total, "updatedReplicas": total, "readyReplicas": ready}
        status["availableReplicas"] = ready
    else:
        ended = sum(p["status"]["phase"] == "Succeeded" for p in own)
        status = {"succeeded": ended, "active": total - ended}
    spec: Object = {"template": template, "selector": {"matchLabels": labels}}
    if work.kind == "Deployment":
        spec["replicas"] = work.replicas
    if work.kind == "Job":
        spec["completions"] = 1
    return {
        "apiVersion": "batch/v1" if work.kind == "Job" else "apps/v1",
        "kind": work.kind,
        "metadata": {
            "name": work.name,
            "namespace": SYSTEM,
            "uid": uid(work.kind, work.name),
            "creationTimestamp": created,
            "labels": labels,
        },
        "spec": spec,
        "status": status,
    }


def suffix(text: str, length: int = 5) -> str:
    """Give letters for a generated name, always the same for the same text."""
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:length])


def uid(*parts: str) -> str:
    """Give a unique id, always the same for the same parts."""
    return str(uuid.uuid5(_UNIVERSE, "/".join(parts)))
