"""Small sites made by hand, for tests of what reads a Site."""

from __future__ import annotations

import copy
from typing import Any

from appliance.site.model import Site

VERSION = "v1.8.2"


def machine(number: int, **changes: Any) -> dict[str, Any]:
    """Give machine `hv<number>` as the file says it."""
    return {
        "mac": f"52:54:00:12:34:{number:02x}",
        "disk": f"/dev/disk/by-id/nvme-disk-{number}",
        **changes,
    }


def site_values(machines: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """Give the keys and values of a site; `changes` are further keys, dotted paths with `__`."""
    values: dict[str, Any] = {
        "site": "alpha",
        "networks": {"main": {"cidr": "10.20.0.0/24"}},
        "hypervisor": {
            "harvester": VERSION,
            "machines": {"hv1": machine(1)} if machines is None else machines,
        },
    }
    for path, value in changes.items():
        holder = values
        *parents, last = path.split("__")
        for part in parents:
            holder = holder.setdefault(part, {})
        holder[last] = value
    return copy.deepcopy(values)


def site(machines: dict[str, Any] | None = None, **changes: Any) -> Site:
    """Make a site. The rules between its values are not asked."""
    return Site.model_validate(site_values(machines, **changes))
