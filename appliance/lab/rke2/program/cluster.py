"""The state of the cluster as one server has it, and how a write reaches the others."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from .images import Needs
from .kinds import Kind
from .liveness import Liveness, Quorum
from .objects import Cluster as Content
from .objects import build
from .options import Options
from .pods import NodeState, Object, uid
from .store import Entries, Store, Value

NO_LEADER = "etcdserver: no leader"
TIMED_OUT = "etcdserver: request timed out"

Send = Callable[[Entries], int]
"""Passes a write on to the other servers; gives how many of them have it now."""


class NoQuorumError(Exception):
    """There is no majority of the servers: nothing can be read or written."""


def now_text() -> str:
    """Give the calendar's time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Cluster:
    """What this server knows: stored objects, members, nodes, leases."""

    def __init__(self, options: Options, store: Store, needs: Needs, send: Send) -> None:
        self.options, self.store, self.needs = options, store, needs
        self.name = options.node_name
        self._send = send
        pace = options.around.pace
        self.liveness, self.quorum = Liveness(pace.grace), Quorum(pace.peer_grace)

    # --- members -----------------------------------------------------------------------------

    def members(self) -> dict[str, str]:
        """Give the servers' addresses by name, this one's too."""
        return {name: str(v["address"]) for name, v in self.store.below("members/").items()}

    def others(self) -> dict[str, str]:
        """Give the other servers."""
        return {name: a for name, a in self.members().items() if name != self.name}

    def has_quorum(self) -> bool:
        """Whether a majority of the servers is there."""
        return self.quorum.holds(set(self.others()), time.monotonic())

    def require_quorum(self) -> None:
        """Raise NoQuorumError without a majority."""
        if not self.has_quorum():
            raise NoQuorumError(NO_LEADER)

    def write(self, changes: Mapping[str, Value | None]) -> None:
        """Write here and on the others. Raises NoQuorumError unless a majority has it."""
        self.require_quorum()
        others = len(self.others())
        written = self.store.write(changes)
        if 2 * (1 + self._send(written)) <= 1 + others:
            raise NoQuorumError(TIMED_OUT)

    # --- nodes -------------------------------------------------------------------------------

    def register(self, record: Mapping[str, Any]) -> None:
        """Take in a node that starts: what people changed on it before is kept."""
        name = str(record["name"])
        before = self.store.get(f"nodes/{name}") or {}
        fresh = dict(record)
        kept = {
            "uid": before.get("uid") or uid("node", name, now_text()),
            "created": before.get("created") or now_text(),
            "unschedulable": before.get("unschedulable", False),
            "taints": before.get("taints", record["taints"]),
            "labels": {**before.get("labels", {}), **record["labels"]},
            "annotations": {**before.get("annotations", {}), **record["annotations"]},
            "podCIDR": before.get("podCIDR") or self._pod_network(),
            "boots": before.get("boots", 0) + (before.get("boot") != record["boot"]),
            "booted": before.get("booted") if before.get("boot") == record["boot"] else now_text(),
        }
        fresh.update(kept)
        if fresh != before:
            self.write({f"nodes/{name}": fresh})

    def _pod_network(self) -> str:
        taken = {str(node["podCIDR"]) for node in self.store.below("nodes/").values()}
        pods = ipaddress.IPv4Network(self.options.critical["cluster-cidr"])
        size = max(24, pods.prefixlen)
        return next(str(n) for n in pods.subnets(new_prefix=size) if str(n) not in taken)

    def delete_node(self, name: str) -> None:
        """Forget a node, and a server's membership with it, as upstream does."""
        self.write({f"nodes/{name}": None, f"passwords/{name}": None, f"members/{name}": None})
        self.liveness.forget(name)

    def nodes(self) -> list[NodeState]:
        """Give every node as it is now."""
        now, at = time.monotonic(), now_text()
        return [
            NodeState(name, record, self.liveness.condition(name, now, at))
            for name, record in self.store.below("nodes/").items()
        ]

    # --- objects -----------------------------------------------------------------------------

    def document(self) -> Value:
        """Give what the first server decided for the cluster."""
        return self.store.get("cluster") or {}

    def objects(self) -> Iterator[tuple[Kind, Object]]:
        """Give all objects, made from all this."""
        document = self.document()
        services = ipaddress.IPv4Network(self.options.critical["service-cidr"])
        nodes = self.nodes()
        content = Content(
            product=self.options.product.name,
            version=self.options.product.version,
            created=str(document.get("created", now_text())),
            document=document,
            needs=self.needs,
            nodes=nodes,
            renewed={n.name: self.liveness.renewed(n.name) for n in nodes},
            servers=sorted(self.members().values()),
            stored=list(self.store.below("objects/").values()),
            service_address=str(services[1]),
            dns_address=self.options.critical["cluster-dns"],
        )
        return build(content)
