"""Machines made known by `provision approve`, taken into the site as if they stood in its file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from appliance.errors import InputError
from appliance.site.model import MachineSite, Site
from appliance.site.rules import broken_rules


def parse_machine(name: str, entry: Mapping[str, Any]) -> MachineSite:
    """Read what was said of one machine. Raises InputError naming what is wrong with it."""
    try:
        return MachineSite.model_validate(dict(entry))
    except ValidationError as error:
        raise InputError(
            f"{name or 'the machine'} cannot be approved so",
            why="; ".join(f"{_place(each['loc'])}: {each['msg']}" for each in error.errors()),
            fix="name its disk by /dev/disk/by-id/… or /dev/disk/by-path/…",
        ) from error


def with_approved(site: Site, approved: Mapping[str, Mapping[str, Any]]) -> Site:
    """Give the site with the approved machines in it. The site file wins where both name one.

    Raises InputError where an approved machine breaks a rule between the site's values.
    """
    extra = {
        name: parse_machine(name, entry)
        for name, entry in approved.items()
        if name not in site.hypervisor.machines
    }
    if not extra:
        return site
    hypervisor = site.hypervisor.model_copy(
        update={"machines": {**site.hypervisor.machines, **extra}}
    )
    whole = site.model_copy(update={"hypervisor": hypervisor})
    broken = broken_rules(whole)
    if broken:
        raise InputError(
            f"the approved machines {', '.join(extra)} do not fit the site",
            why="; ".join(finding.what for finding in broken),
            fix=broken[0].fix,
        )
    return whole


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location)
