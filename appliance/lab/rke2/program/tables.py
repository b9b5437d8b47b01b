"""Objects as `kubectl get` prints them: the server makes the rows (KEP-3157, `as=Table`). Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from .kinds import Kind

Object = dict[str, Any]
_WIDE = 1  # a column of priority 1 is shown with -o wide only

_COLUMNS: dict[str, tuple[tuple[str, int], ...]] = {
    "Node": (
        ("Name", 0),
        ("Status", 0),
        ("Roles", 0),
        ("Age", 0),
        ("Version", 0),
        ("Internal-IP", _WIDE),
        ("External-IP", _WIDE),
        ("OS-Image", _WIDE),
        ("Kernel-Version", _WIDE),
        ("Container-Runtime", _WIDE),
    ),
    "Pod": (
        ("Name", 0),
        ("Ready", 0),
        ("Status", 0),
        ("Restarts", 0),
        ("Age", 0),
        ("IP", _WIDE),
        ("Node", _WIDE),
        ("Nominated Node", _WIDE),
        ("Readiness Gates", _WIDE),
    ),
    "Event": (("Last Seen", 0), ("Type", 0), ("Reason", 0), ("Object", 0), ("Message", 0)),
    "Namespace": (("Name", 0), ("Status", 0), ("Age", 0)),
    "Service": (
        ("Name", 0),
        ("Type", 0),
        ("Cluster-IP", 0),
        ("External-IP", 0),
        ("Port(s)", 0),
        ("Age", 0),
    ),
    "Lease": (("Name", 0), ("Holder", 0), ("Age", 0)),
    "Deployment": (("Name", 0), ("Ready", 0), ("Up-to-date", 0), ("Available", 0), ("Age", 0)),
    "DaemonSet": (
        ("Name", 0),
        ("Desired", 0),
        ("Current", 0),
        ("Ready", 0),
        ("Up-to-date", 0),
        ("Available", 0),
        ("Age", 0),
    ),
    "Job": (("Name", 0), ("Completions", 0), ("Age", 0)),
}
_OTHERS = (("Name", 0), ("Age", 0))


def table(
    kind: Kind, objects: Sequence[Object], version: str, now: datetime, include: str
) -> Object:
    """Make a table. `include` says what each row carries: Object, Metadata or None."""
    columns = [
        {
            "name": name,
            "type": "string",
            "format": "name" if name == "Name" else "",
            "description": name,
            "priority": priority,
        }
        for name, priority in _COLUMNS.get(kind.kind, _OTHERS)
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version},
        "columnDefinitions": columns,
        "rows": [_row(kind, each, now, include) for each in objects],
    }


def _row(kind: Kind, each: Object, now: datetime, include: str) -> Object:
    make = _CELLS.get(kind.kind, _other)
    row: Object = {"cells": make(each, now)}
    if include == "Object":
        row["object"] = each
    elif include != "None":
        partial = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        row["object"] = {**partial, "metadata": each["metadata"]}
    return row


def age(since: str, now: datetime) -> str:
    """Write how long ago a moment was, as Kubernetes does: `45s`, `3m12s`, `5h`, `2d`."""
    try:
        begun = datetime.strptime(since, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "<unknown>"
    seconds = max(0, int((now - begun).total_seconds()))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{seconds % 60}s" if seconds % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    return f"{hours}h" if hours < 48 else f"{days}d"


def _age(each: Object, now: datetime) -> str:
    return age(each["metadata"].get("creationTimestamp", ""), now)


def _other(each: Object, now: datetime) -> list[Any]:
    return [each["metadata"]["name"], _age(each, now)]


def _node(each: Object, now: datetime) -> list[Any]:
    status, labels = each["status"], each["metadata"]["labels"]
    ready = next(c["status"] for c in status["conditions"] if c["type"] == "Ready")
    state = "Ready" if ready == "True" else "NotReady"
    if each["spec"].get("unschedulable"):
        state += ",SchedulingDisabled"
    prefix = "node-role.kubernetes.io/"
    roles = sorted(name.removeprefix(prefix) for name in labels if name.startswith(prefix))
    inner = [a["address"] for a in status["addresses"] if a["type"] == "InternalIP"]
    info = status["nodeInfo"]
    return [
        each["metadata"]["name"],
        state,
        ",".join(roles) or "<none>",
        _age(each, now),
        info["kubeletVersion"],
        inner[0] if inner else "<none>",
        "<none>",
        info["osImage"],
        info["kernelVersion"],
        info["containerRuntimeVersion"],
    ]


def _pod(each: Object, now: datetime) -> list[Any]:
    states = each["status"].get("containerStatuses", [])
    state = each["status"]["phase"]
    for container in states:
        inner = container["state"]
        reason = inner.get("waiting", inner.get("terminated", {})).get("reason")
        state = reason or state
    return [
        each["metadata"]["name"],
        f"{sum(c['ready'] for c in states)}/{len(states)}",
        "Completed" if state == "Succeeded" else state,
        str(max((c["restartCount"] for c in states), default=0)),
        _age(each, now),
        each["status"].get("podIP", "<none>"),
        each["spec"].get("nodeName", "<none>"),
        "<none>",
        "<none>",
    ]


def _event(each: Object, now: datetime) -> list[Any]:
    about = each.get("involvedObject", {})
    return [
        age(each.get("lastTimestamp") or "", now),
        each.get("type", ""),
        each.get("reason", ""),
        f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}",
        str(each.get("message", "")).strip(),
    ]


def _service(each: Object, now: datetime) -> list[Any]:
    spec = each.get("spec", {})
    ports = ",".join(f"{p['port']}/{p.get('protocol', 'TCP')}" for p in spec.get("ports", []))
    address = spec.get("clusterIP", "<none>")
    kind = spec.get("type", "ClusterIP")
    name = each["metadata"]["name"]
    return [name, kind, address, "<none>", ports or "<none>", _age(each, now)]


def _daemon_set(each: Object, now: datetime) -> list[Any]:
    status = each["status"]
    names = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady")
    more = ("updatedNumberScheduled", "numberAvailable")
    counts = [status[n] for n in names + more]
    return [each["metadata"]["name"], *counts, _age(each, now)]


def _deployment(each: Object, now: datetime) -> list[Any]:
    status, wanted = each["status"], each["spec"].get("replicas", 1)
    ready = f"{status['readyReplicas']}/{wanted}"
    counts = [status["updatedReplicas"], status["availableReplicas"]]
    return [each["metadata"]["name"], ready, *counts, _age(each, now)]


def _job(each: Object, now: datetime) -> list[Any]:
    done = f"{each['status']['succeeded']}/{each['spec']['completions']}"
    return [each["metadata"]["name"], done, _age(each, now)]


_CELLS: dict[str, Callable[[Object, datetime], list[Any]]] = {
    "Node": _node,
    "Pod": _pod,
    "Event": _event,
    "Namespace": lambda o, n: [
        o["metadata"]["name"],
        o.get("status", {}).get("phase", "Active"),
        _age(o, n),
    ],
    "Service": _service,
    "Lease": lambda o, n: [
        o["metadata"]["name"],
        o.get("spec", {}).get("holderIdentity", "<none>"),
        _age(o, n),
    ],
    "Deployment": _deployment,
    "DaemonSet": _daemon_set,
    "Job": _job,
}
