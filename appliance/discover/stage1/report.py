"""The report: all facts as one JSON object, within the bridge's limits."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from . import devices, disks, firmware, installed, limited, nics, processor, smbios
from .files import clean

MAX_REPORT = 256 * 1024
"""Octets that the bridge takes."""
MAX_PROBLEMS = 64
LOOK_SECONDS = 10.0
_SLOW = "reading it took more than 10 s"
_CUT = "the report was longer than the bridge takes: not all of its {} are in it"
_FEWER = (64, 16, 4, 1, 0)

Facts = dict[str, Any]


def gather(root: str) -> Facts:
    """Gather everything that needs no disk to answer."""
    facts: Facts = {"problems": []}
    parts: dict[str, Callable[[], Facts]] = {
        "the processors": lambda: processor.gather(root),
        "SMBIOS": lambda: _better(smbios.gather(root)),
        "the firmware": lambda: firmware.gather(root),
        "PCI and USB": lambda: devices.gather(root),
        "the disks": lambda: {"disks": disks.gather(root)},
        "the network cards": lambda: {"nics": nics.gather(root)},
    }
    for name, part in parts.items():
        try:
            facts.update(part())
        except Exception as error:  # noqa: BLE001 - one odd device must not hide all the others
            facts["problems"].append(clean(f"{name}: {type(error).__name__}: {error}"))
    name_cards(root, facts)
    return facts


def name_cards(root: str, facts: Facts) -> None:
    """Give each network card the name of the PCI device that it is."""
    models = {each["slot"]: each["name"] for each in facts.get("pci", [])}
    for nic in facts.get("nics", []):
        nic["model"] = models.get(nics.slot(root, nic["name"]), "")


def look_at_disks(facts: Facts, dev: str = "/dev", seconds: float = LOOK_SECONDS) -> None:
    """Read the disks, in processes that may hang, and add to the facts what they say."""
    found = [disk for disk in facts.get("disks", []) if disk["size"]]
    works = [lambda disk=disk: installed.look(disk, dev) for disk in found]
    for disk, outcome in zip(found, limited.within(seconds, works), strict=True):
        for said in outcome.values:
            add(disk, said)
        if outcome.late:
            disk["problem"] = _SLOW


def add(disk: Facts, said: Facts) -> None:
    """Add to a disk's facts what reading it has shown."""
    if "problem" in said:
        disk["problem"] = said["problem"]
    elif said.get("raw") and not disk["contents"]:
        # Neither a table nor a file system that anybody knows, and yet somebody wrote there.
        unknown = {"where": "", "kind": "unknown", "label": "", "size": disk["size"], "system": ""}
        disk["contents"].append(unknown)
    else:
        for content in disk["contents"]:
            if content["where"] == said.get("where") and said.get("system"):
                content["system"] = said["system"]


def encode(facts: Facts, now: float) -> bytes:
    """Write the report, sent at `now` (Unix seconds); at most MAX_REPORT octets.

    Where a machine has more than fits, it says so: first the names of small devices go, then all
    but the first of what is on each disk, so that a disk which is not empty never seems to be.
    """
    whole = {**facts, "clock": now, "problems": facts["problems"][:MAX_PROBLEMS]}
    raw = _json(whole)
    for name in ("usb", "pci", "disks"):
        for most in _FEWER if name == "disks" else (0,):
            if len(raw) <= MAX_REPORT:
                return raw
            less = [_shorter(each, most) for each in facts[name]] if most else []
            problems = [*facts["problems"][: MAX_PROBLEMS - 1], _CUT.format(name)]
            whole = {**whole, name: less, "problems": problems}
            raw = _json(whole)
    return raw


def _shorter(disk: Facts, most: int) -> Facts:
    lists = {key: disk.get(key, [])[:most] for key in ("contents", "by_id", "by_path")}
    return {**disk, **lists}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _better(facts: Facts) -> Facts:
    """Leave out a memory of 0, so that the kernel's own count stands."""
    return {key: value for key, value in facts.items() if key != "memory" or value}
