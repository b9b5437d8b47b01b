"""`provision rehearse`: the whole site in emulation, with the site's own file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.discover import image
from appliance.errors import PreflightError
from appliance.flow.looking import look_at
from appliance.flow.stocking import stock
from appliance.lab import cloud_image, kubectl_media, legs, payload, releases, rke2, site_image
from appliance.lab.appliance_process import EventDict
from appliance.lab.rehearsal import Rehearsal, rehearsed
from appliance.paths import Paths
from appliance.site.plan import Plan
from appliance.tools.cache import cache_folder

_PROGRAMS = ("qemu-system-x86_64", "qemu-img", "ip", "setpriv", "mmdebstrap")
LIMIT_SECONDS = 3600.0
PLACE = Path("/var/tmp/bridgehead")  # noqa: S108 - ours by root, and open: boot has no rights
"""Where rehearsals are kept till the next one of the same site file. A home folder is closed."""

Say = Callable[[str], None]


def rehearse_site(site: Path, *, keep: bool, as_json: bool, folder: Path | None) -> int:
    """Rehearse a site. Gives the exit code of the run. Raises BridgeheadError before it began."""
    refuse_unready_host()
    place = (folder or PLACE / site.stem).absolute()
    plan = prepare(site, place)
    say: Say = _silent if as_json else _print
    say(f"rehearsing {plan.site_id}: {', '.join(each.name for each in plan.machines)} in {place}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    with rehearsed(site, plan, place, limit_s=LIMIT_SECONDS) as rehearsal:
        rehearsal.start_appliance()
        code = rehearsal.follow(_json_watch if as_json else _text_watch, seconds=LIMIT_SECONDS)
        _conclude(rehearsal, code, time.monotonic() - began, as_json=as_json)
        if keep and code == 0:
            _hold_open(rehearsal, say)
    return code


def refuse_unready_host() -> None:
    """Raise PreflightError unless this machine can rehearse."""
    if os.geteuid() != 0:
        raise PreflightError(
            "a rehearsal needs root",
            why="it makes network namespaces and serves ports below 1024 inside them",
            fix="run the same command with sudo",
        )
    missing = [each for each in _PROGRAMS if shutil.which(each) is None]
    if missing:
        raise PreflightError(
            f"missing on this machine: {', '.join(missing)}", fix="run 'make set-up-lab' first"
        )


def prepare(site: Path, place: Path) -> Plan:
    """Start afresh in `place`: no state, blank disks, the depot stocked. Gives the plan."""
    for leftover in ("state", "machines", "hypervisor"):
        shutil.rmtree(place / leftover, ignore_errors=True)
    place.mkdir(parents=True, exist_ok=True)
    paths = Paths(place / "state")
    plan = look_at(site, paths).plan
    stock(
        plan,
        paths,
        folder=media(plan),
        stand_ins=True,
        built=releases.BUILT,
        stage1=stage1(plan),
    )
    return plan


def stage1(plan: Plan) -> Path | None:
    """Give the folder of our small Linux: built where a machine is to show itself first.

    Raises ArtifactError.
    """
    cache = cache_folder() / "payload"
    if any(each.discover for each in plan.machines):
        return image.build(cache).folder
    found = image.find(cache)
    return found.folder if found is not None else None


def media(plan: Plan) -> tuple[Path, ...]:
    """Give the folders with all that stands in for upstream's releases, building what is missing.

    Raises ArtifactError.
    """
    cache = cache_folder() / "payload"
    folders = [payload.build(cache, plan.hypervisor.harvester)]
    if plan.vms:
        folders += [cloud_image.build(cache), releases.build(cache)]
    if plan.cluster is not None:
        folders += [
            rke2.build(cache, plan.cluster.version),
            kubectl_media.build(cache, plan.cluster.version),
        ]
    if plan.staging is not None:
        folders.append(site_image.build(cache))
    return tuple(folders)


def _json_watch(rehearsal: Rehearsal, event: EventDict) -> None:
    del rehearsal
    if event.get("kind") != "run-ended":  # the rehearsal's own last event says as much and more
        sys.stdout.write(json.dumps(event) + "\n")
        sys.stdout.flush()


def _text_watch(rehearsal: Rehearsal, event: EventDict) -> None:
    if event.get("kind") in ("dns", "ntp", "dhcp", "tftp", "http", "syslog", "progress"):
        return
    began = rehearsal.history[0].get("at", 0.0)
    text = event.get("text") or f"{event.get('what', '')}: {event.get('why', '')}"
    _print(f"{event.get('at', began) - began:7.1f} s  {text}")


def _conclude(rehearsal: Rehearsal, code: int, seconds: float, *, as_json: bool) -> None:
    found = (*legs.legs(rehearsal.history), *legs.later_legs(rehearsal.history))
    ended = [each for each in rehearsal.history if each.get("kind") == "run-ended"]
    machines: dict[str, Any] = ended[-1]["data"]["machines"] if ended else {}
    vms: dict[str, Any] = ended[-1]["data"].get("vms", {}) if ended else {}
    if as_json:
        event = {
            "kind": "rehearsal-ended",
            "outcome": "done" if code == 0 else "failed",
            "machines": machines,
            "vms": vms,
            "seconds": round(seconds, 1),
            "legs": [{"machine": x.machine, "leg": x.name, "seconds": x.seconds} for x in found],
        }
        sys.stdout.write(json.dumps(event) + "\n")
        return
    _print(f"\nlegs:\n{legs.as_text(found)}")
    for report in sorted(rehearsal.state.glob("*/reports/report-*.html")):
        _print(f"\nreport: {report}")
    states = ", ".join(f"{name} {state}" for name, state in {**machines, **vms}.items())
    _print(f"\n{states}; exit code {code}; {seconds / 60:.1f} min; see {rehearsal.folder}")


def _hold_open(rehearsal: Rehearsal, say: Say) -> None:
    say(f"the site stays up; enter it with: ip netns exec {rehearsal.network.appliance} bash")
    say("Ctrl-C takes it down")
    try:
        signal.pause()
    except KeyboardInterrupt:
        say("taking it down")


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _silent(text: str) -> None:
    del text
