"""The resources of the API: names, groups, what may be done with them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

READ = ("get", "list", "watch")
WRITE = ("create", "delete", "patch", "update")


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource, as discovery names it."""

    group: str
    plural: str
    kind: str
    namespaced: bool
    short: tuple[str, ...] = ()
    writable: bool = True
    categories: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """`v1`, or `apps/v1`."""
        return f"{self.group}/v1" if self.group else "v1"

    @property
    def name(self) -> str:
        """`pods`, or `deployments.apps`: how messages name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def verbs(self) -> tuple[str, ...]:
        """What may be done."""
        if self.plural == "nodes":
            return (*READ, "delete", "patch", "update")
        return (*READ, *WRITE) if self.writable else READ


_EVENTS = "events"
KINDS = (
    Kind("", "namespaces", "Namespace", namespaced=False, short=("ns",)),
    Kind("", "nodes", "Node", namespaced=False, short=("no",)),
    Kind("", "pods", "Pod", True, ("po",), writable=False, categories=("all",)),
    Kind("", "services", "Service", True, ("svc",), categories=("all",)),
    Kind("", "endpoints", "Endpoints", True, ("ep",)),
    Kind("", _EVENTS, "Event", True, ("ev",)),
    Kind("", "configmaps", "ConfigMap", True, ("cm",)),
    Kind("", "secrets", "Secret", True),
    Kind("", "serviceaccounts", "ServiceAccount", True, ("sa",)),
    Kind("apps", "daemonsets", "DaemonSet", True, ("ds",), writable=False, categories=("all",)),
    Kind("apps", "deployments", "Deployment", True, ("deploy",), False, ("all",)),
    Kind("batch", "jobs", "Job", True, (), writable=False, categories=("all",)),
    Kind("coordination.k8s.io", "leases", "Lease", True),
)


def find(group: str, plural: str) -> Kind | None:
    """Give a resource, or None."""
    return next((k for k in KINDS if (k.group, k.plural) == (group, plural)), None)


def core_versions(address: str) -> dict[str, Any]:
    """Answer `/api`."""
    where = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": where}


def groups() -> dict[str, Any]:
    """Answer `/apis`."""
    names = dict.fromkeys(k.group for k in KINDS if k.group)
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(n) for n in names]}


def group(name: str) -> dict[str, Any] | None:
    """Answer `/apis/<group>`."""
    if name not in {k.group for k in KINDS if k.group}:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)}


def _group(name: str) -> dict[str, Any]:
    version = {"groupVersion": f"{name}/v1", "version": "v1"}
    return {"name": name, "versions": [version], "preferredVersion": version}


def resources(name: str) -> dict[str, Any] | None:
    """Answer `/api/v1` (no name) and `/apis/<group>/v1`."""
    found = [k for k in KINDS if k.group == name]
    if not found:
        return None
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": found[0].api_version,
        "resources": [_resource(k) for k in found],
    }


def _resource(kind: Kind) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.kind.lower(),
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short:
        described["shortNames"] = list(kind.short)
    if kind.categories:
        described["categories"] = list(kind.categories)
    return described
