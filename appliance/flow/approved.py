"""Machines made known by `provision approve`, taken into the site as if they stood in its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from appliance.errors import InputError
from appliance.site.load import parse_machine
from appliance.site.model import Site


def with_approved(site: Site, approved: Mapping[str, Mapping[str, Any]]) -> Site:
    """Give the site with the approved machines in it. The site file wins where both name one."""
    extra = {
        name: parse_machine(name, entry)
        for name, entry in approved.items()
        if name not in site.hypervisor.machines
    }
    if not extra:
        return site
    machines = {**site.hypervisor.machines, **extra}
    taken: dict[str, str] = {}
    for name, machine in machines.items():
        for mac in machine.macs:
            if str(mac) in taken:
                raise InputError(
                    f"{name} and {taken[str(mac)]} have the same MAC {mac}",
                    fix="take the approved machine back with 'provision approve --forget'",
                )
            taken[str(mac)] = name
    return site.model_copy(
        update={"hypervisor": site.hypervisor.model_copy(update={"machines": machines})}
    )
