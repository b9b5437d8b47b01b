"""The report: all facts as one JSON object, within the bridge's limits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from . import devices, disks, firmware, installed, limited, nics, processor, smbios
from .files import clean

MAX_REPORT = 256 * 1024
"""Octets that the bridge takes."""
MAX_PROBLEMS = 64
LOOK_SECONDS = 10.0
_FAILED = "looking at it failed"
_SLOW = "reading it took more than 10 s"
_CUT = "the report was longer than the bridge takes: not all of its {} are in it"
_FEWER = (64, 16, 4, 1, 0)

Facts = dict[str, Any]


def gather(root: str) -> Facts:
    """Gather everything that needs no disk to answer; `look_at_disks` does the rest."""
    facts: Facts = {"disks": [], "problems": []}
    parts: dict[str, Callable[[], Facts]] = {
        "the processors": lambda: processor.gather(root),
        "SMBIOS": lambda: _better(smbios.gather(root)),
        "the firmware": lambda: firmware.gather(root),
        "PCI and USB": lambda: devices.gather(root),
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


def look_at_disks(root: str, dev: str = "/dev", seconds: float = LOOK_SECONDS) -> list[Facts]:
    """Give the facts of every disk, out of processes that may hang with it."""
    names = disks.present(root)
    works = [partial(_look, root, name, dev) for name in names]
    outcomes = limited.within(seconds, works)
    return [disk_of(root, *each) for each in zip(names, outcomes, strict=True)]


def _look(root: str, name: str, dev: str) -> Iterator[Facts]:
    # Even a file of /sys may wait for the disk: virtio's `serial` asks it.
    disk = disks.describe(root, name)
    yield disk
    if disk["size"]:
        yield from installed.look(disk, dev)


def disk_of(root: str, name: str, outcome: limited.Outcome) -> Facts:
    """Give a disk's facts out of what looking at it gave: its description, then what it holds."""
    disk = dict(outcome.values[0]) if outcome.values else disks.unknown(root, name)
    for said in outcome.values[1:]:
        add(disk, said)
    read = any("raw" in said or "problem" in said for said in outcome.values[1:])
    if outcome.late:
        disk["problem"] = _SLOW
    elif not read and (disk["size"] or not outcome.values):
        # Out of memory, say: a disk that nobody has read must not seem to be empty.
        disk["problem"] = _FAILED
    return disk


def add(disk: Facts, said: Facts) -> None:
    """Add to a disk's facts what reading it has shown."""
    if "problem" in said:
        disk["problem"] = said["problem"]
    elif said.get("raw") and not disk["contents"]:
        # Neither a table nor a file system that anybody knows, and yet somebody wrote there.
        unknown = {
            "where": "",
            "kind": disks.UNKNOWN,
            "label": "",
            "size": disk["size"],
            "system": "",
        }
        disk["contents"].append(unknown)
    else:
        for content in disk["contents"]:
            if content["where"] == said.get("where") and said.get("system"):
                content["system"] = said["system"]


def encode(facts: Facts, now: float) -> bytes:
    """Write the report, sent at `now` (Unix seconds); at most MAX_REPORT octets.

    Where a machine has more than fits, it says so: first the names of small devices go, then all
    but the last of what is on each disk, so that a disk which is not empty never seems to be.
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
    lists = {key: disk.get(key, [])[:most] for key in ("by_id", "by_path")}
    # The table comes first: alone, it would seem to be an empty one.
    return {**disk, **lists, "contents": disk.get("contents", [])[-most:]}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def _better(facts: Facts) -> Facts:
    """Leave out a memory of 0, so that the kernel's own count stands."""
    return {key: value for key, value in facts.items() if key != "memory" or value}
