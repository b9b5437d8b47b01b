"""One server's state for tests, with no other process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from appliance.lab.rke2.program.cluster import Cluster
from appliance.lab.rke2.program.images import needs
from appliance.lab.rke2.program.options import Options, Product, Surroundings
from appliance.lab.rke2.program.store import Entries, Store

PRODUCT = Product("rke2", "v1.36.3+rke2r1")


class Sent:
    """Takes what is passed on to other servers."""

    def __init__(self) -> None:
        self.entries: list[Entries] = []
        self.taken_by = 0

    def __call__(self, entries: Entries) -> int:
        """Keep it; say that so many took it."""
        self.entries.append(entries)
        return self.taken_by


def cluster(folder: Path, *others: str, sent: Sent | None = None, **values: str) -> Cluster:
    """The state of server `cp1`, which has founded its cluster; others have joined."""
    given = {"node-name": ["cp1"], **{k.replace("_", "-"): [v] for k, v in values.items()}}
    options = Options(PRODUCT, "server", given, Surroundings(etc=folder / "etc"))
    store = Store(folder / "state.json", "cp1")
    store.write(
        {"cluster": {"created": "2026-01-01T00:00:00Z"}, "members/cp1": {"address": "10.0.0.1"}}
    )
    for number, name in enumerate(others, 2):
        store.write({f"members/{name}": {"address": f"10.0.0.{number}"}})
    made = Cluster(options, store, needs(PRODUCT), sent or Sent())
    for name in others:
        made.quorum.heard(name, time.monotonic())
    return made


def record(name: str, **changed: Any) -> dict[str, Any]:
    """What a node says when it registers."""
    said: dict[str, Any] = {
        "name": name,
        "role": "agent",
        "address": "10.0.0.9",
        "labels": {"kubernetes.io/hostname": name},
        "taints": [],
        "annotations": {},
        "boot": "boot-1",
        "info": {
            "kubeletVersion": PRODUCT.version,
            "osImage": "Debian",
            "kernelVersion": "6.1",
            "containerRuntimeVersion": "containerd://none",
        },
        "capacity": {"cpu": "1", "memory": "1Ki", "pods": "110"},
        "images": [],
    }
    return {**said, **changed}
