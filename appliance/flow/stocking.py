"""`provision fetch`: fills the depot from upstream, a mirror, a folder, or with stand-ins."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

from appliance.artifacts.catalog import HARVESTER_BASE, Wanted, read_builds, wanted
from appliance.artifacts.depot import Depot, Progress, silent
from appliance.artifacts.fetch import Fetcher
from appliance.artifacts.gather import Gathered, Sources, gather
from appliance.paths import Paths
from appliance.site.plan import Plan
from appliance.tools import data
from appliance.tools.clock import Clock
from appliance.tools.http_client import HttpClient


def wants_of(plan: Plan, *, accept_ipxe: bool = False, mirror: str = "") -> tuple[Wanted, ...]:
    """Give all that the plan wants; from `mirror`, a base URL with upstream's layout, if given."""
    builds = read_builds(data.path("ipxe/binaries.toml").read_text("utf-8"))
    wants = wanted(plan, builds, accept_ipxe=accept_ipxe)
    if not mirror:
        return wants
    base = mirror.rstrip("/")
    return tuple(
        replace(each, source=each.source.replace(HARVESTER_BASE, base, 1)) for each in wants
    )


def stock(
    plan: Plan,
    paths: Paths,
    *,
    folder: Path | None = None,
    mirror: str = "",
    accept_ipxe: bool = False,
    stand_ins: bool = False,
    progress: Progress = silent,
) -> tuple[Gathered, ...]:
    """Bring all that the plan wants into the depot: kept, imported from `folder`, or fetched.

    With `folder`, nothing is downloaded. Raises ArtifactError at the first fault.
    """
    depot = Depot(paths.depot)
    fetcher = (
        Fetcher(depot, HttpClient(), time.sleep, progress=progress) if folder is None else None
    )
    return gather(
        wants_of(plan, accept_ipxe=accept_ipxe, mirror=mirror),
        depot,
        Sources(folder=folder, fetcher=fetcher, stand_ins=stand_ins),
        now=Clock.of_this_machine().utc(),
        progress=progress,
    )
