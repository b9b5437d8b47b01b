"""Objects as the tables that kubectl prints. Pure but for what time it is now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.kinds import Kind

Json = dict[str, Any]
Column = tuple[str, Callable[[Json], str]]


def wants_table(accept: str) -> bool:
    """Tell whether a client prefers a table, as `kubectl get` does."""
    return "as=Table" in accept.partition(",")[0] and "v=v1;" in f"{accept.partition(',')[0]};"


def as_table(kind: Kind, found: Json) -> Json:
    """Give an object or a list of objects as a table (meta/v1 Table)."""
    columns: list[Column] = [("Name", _name), *_COLUMNS.get(kind, []), ("Age", _age)]
    rows = found.get("items", [found])
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": found["metadata"].get("resourceVersion", "")},
        "columnDefinitions": [
            {"name": name, "type": "string", "format": "name" if name == "Name" else ""}
            for name, _ in columns
        ],
        "rows": [
            {
                "cells": [read(row) for _, read in columns],
                "object": {
                    "kind": "PartialObjectMetadata",
                    "apiVersion": "meta.k8s.io/v1",
                    "metadata": row["metadata"],
                },
            }
            for row in rows
        ],
    }


def _name(found: Json) -> str:
    return str(found["metadata"]["name"])


def _age(found: Json) -> str:
    made = datetime.fromisoformat(found["metadata"]["creationTimestamp"])
    seconds = max(0, round((datetime.now(UTC) - made).total_seconds()))
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def condition(found: Json, kind: str) -> str:
    """Give the status of a condition: True, False, Unknown; nothing where there is none."""
    conditions = (found.get("status") or {}).get("conditions") or []
    return next((str(each["status"]) for each in conditions if each["type"] == kind), "")


def _status(*path: str) -> Callable[[Json], str]:
    def read(found: Json) -> str:
        value: Any = found.get("status") or {}
        for word in path:
            value = (value or {}).get(word)
        return "" if value is None else str(value)

    return read


def _node_status(found: Json) -> str:
    return "Ready" if condition(found, "Ready") == "True" else "NotReady"


def _node_address(found: Json) -> str:
    addresses = (found.get("status") or {}).get("addresses") or []
    return next((str(a["address"]) for a in addresses if a["type"] == "InternalIP"), "")


def _machine_address(found: Json) -> str:
    interfaces = (found.get("status") or {}).get("interfaces") or []
    return ",".join(str(each["ipAddress"]) for each in interfaces if each.get("ipAddress"))


_COLUMNS: dict[Kind, list[Column]] = {
    kinds.NODE: [
        ("Status", _node_status),
        ("Version", _status("nodeInfo", "kubeletVersion")),
        ("Internal-IP", _node_address),
    ],
    kinds.MACHINE: [
        ("Status", _status("printableStatus")),
        ("Ready", lambda found: condition(found, "Ready")),
    ],
    kinds.INSTANCE: [
        ("Phase", _status("phase")),
        ("IP", _machine_address),
        ("NodeName", _status("nodeName")),
    ],
    kinds.IMAGE: [
        ("Display-Name", lambda found: str(found["spec"].get("displayName", ""))),
        ("Size", _status("size")),
        ("Progress", _status("progress")),
        ("Imported", lambda found: condition(found, "Imported")),
    ],
    kinds.CLAIM: [("Status", _status("phase")), ("Capacity", _status("capacity", "storage"))],
}
