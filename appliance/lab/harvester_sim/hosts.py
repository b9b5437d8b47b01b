"""The hypervisor's nodes: those the installed machines tell of, and whether each answers."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
from collections.abc import Mapping
from typing import Any

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.images import set_condition
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.tables import condition

Json = dict[str, Any]

PATIENCE = 6
"""Answers that a node may miss before it is taken for gone: Kubernetes waits some 40 s as well."""
_TIMEOUT_S = 3.0


class Hosts:
    """Keeps the Node objects. `vip` is asked for members; `fixed` are always there and ready."""

    def __init__(self, store: ObjectStore, vip: str, fixed: Mapping[str, str], rke2: str) -> None:
        self._store = store
        self._vip = vip
        self._rke2 = rke2
        self._missed: dict[str, int] = {}
        for name, address in fixed.items():
            self._note(name, address, ready=True)

    def look(self) -> None:
        """Ask the VIP who is a member, and each member whether it lives."""
        if not self._vip:
            return
        members = {each["name"]: each["address"] for each in self._members()}
        known = {node["metadata"]["name"]: _address(node) for node in self._store.all(kinds.NODE)}
        for name, address in {**known, **members}.items():
            answers = ask(address, "/ping") == b"pong"
            self._missed[name] = 0 if answers else self._missed.get(name, PATIENCE) + 1
            self._note(name, address, ready=self._missed[name] < PATIENCE)

    def ready(self) -> list[str]:
        """Give the names of the nodes that are ready."""
        nodes = self._store.all(kinds.NODE)
        return [n["metadata"]["name"] for n in nodes if condition(n, "Ready") == "True"]

    def certificate(self) -> str:
        """Give the certificate that the VIP shows, PEM; empty where nothing answers there."""
        if not self._vip:
            return ""
        with contextlib.suppress(OSError):
            return ssl.get_server_certificate((self._vip, 443), timeout=_TIMEOUT_S)
        return ""

    def _members(self) -> list[Json]:
        with contextlib.suppress(ValueError):
            said = json.loads(ask(self._vip, "/v1-standin/nodes") or b"{}")
            members: list[Json] = said.get("nodes", [])
            return members
        return []

    def _note(self, name: str, address: str, *, ready: bool) -> None:
        if self._store.find(kinds.NODE, "", name) is None:
            self._store.create(kinds.NODE, _node(name))

        def change(node: Json) -> None:
            status = node["status"]
            status["addresses"] = [
                {"type": "InternalIP", "address": address},
                {"type": "Hostname", "address": name},
            ]
            status["nodeInfo"] = {"kubeletVersion": self._rke2, "osImage": "Harvester stand-in"}
            said = ("True", "KubeletReady") if ready else ("Unknown", "NodeStatusUnknown")
            set_condition(node, "Ready", *said, "")

        self._store.edit(kinds.NODE, "", name, change)


def ask(address: str, path: str) -> bytes:
    """Ask a node over TLS, whatever its certificate; nothing where it does not answer with 200."""
    tls = ssl.create_default_context()
    tls.check_hostname = False
    tls.verify_mode = ssl.CERT_NONE
    connection = http.client.HTTPSConnection(address, timeout=_TIMEOUT_S, context=tls)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", path)
        answer = connection.getresponse()
        if answer.status == http.client.OK:
            return answer.read(1 << 20)
    return b""


def _address(node: Json) -> str:
    addresses = node["status"].get("addresses") or []
    return next((str(a["address"]) for a in addresses if a["type"] == "InternalIP"), "")


def _node(name: str) -> Json:
    labels = {
        "kubernetes.io/hostname": name,
        "harvesterhci.io/managed": "true",
        "node-role.kubernetes.io/control-plane": "true",
        "network.harvesterhci.io/mgmt": "true",
    }
    return {"metadata": {"name": name, "labels": labels}, "spec": {}, "status": {}}
