"""The legs of a boot, and how long each took: pure, from the events of a rehearsal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from appliance.machines.state import Seen

MARKS: tuple[tuple[Seen, str], ...] = (
    (Seen.FIRMWARE_DHCP, "firmware asks for an address"),
    (Seen.BOOTLOADER_SENT, "iPXE fetched"),
    (Seen.INSTALL_SCRIPT, "script served"),
    (Seen.KERNEL_SENT, "kernel fetched"),
    (Seen.ROOTFS_SENT, "live root fetched"),
    (Seen.CONFIG_SENT, "installer has its configuration"),
    (Seen.HOOK_STARTED, "installer started"),
    (Seen.IMAGE_SENT, "image fetched"),
    (Seen.HOOK_SUCCEEDED, "installed on disk"),
    (Seen.OWN_DISK_SCRIPT, "sent to its own disk"),
    (Seen.SYSTEM_ANSWERS, "installed system answers"),
)


_ENDS = frozenset({Seen.HOOK_SUCCEEDED, Seen.OWN_DISK_SCRIPT, Seen.SYSTEM_ANSWERS})


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg: what ended it, and the seconds since the mark before."""

    machine: str
    name: str
    seconds: float


def legs(events: Iterable[Mapping[str, Any]]) -> tuple[Leg, ...]:
    """Give each machine's legs in order, of its last attempt: a mark counts at its first time.

    Firmware that asks anew before the installation is reported begins another attempt.
    """
    seen: dict[str, dict[Seen, float]] = {}
    for event in events:
        machine, kind = event.get("machine"), event.get("data", {}).get("seen")
        if event.get("kind") != "evidence" or not machine or not kind:
            continue
        times, mark = seen.setdefault(str(machine), {}), Seen(kind)
        if mark is Seen.FIRMWARE_DHCP and not _ENDS.intersection(times):
            times.clear()
        times.setdefault(mark, float(event["at"]))
    found = []
    for machine, times in sorted(seen.items()):
        before: float | None = None
        for mark, name in MARKS:
            if mark in times:
                if before is not None:
                    found.append(Leg(machine, name, times[mark] - before))
                before = times[mark]
    return tuple(found)


def later_legs(events: Iterable[Mapping[str, Any]]) -> tuple[Leg, ...]:
    """Give what came after the machines: each step from s5 on, and each virtual machine's way.

    A step counts in the last start of the appliance that ended it; a virtual machine's marks at
    their first time.
    """
    found: list[Leg] = []
    began: dict[str, float] = {}
    steps: dict[str, Leg] = {}
    marks: dict[str, list[tuple[str, float]]] = {}
    for event in events:
        kind, step, at = event.get("kind"), str(event.get("step")), float(event.get("at", 0))
        if kind == "step-started" and step in _LATER_STEPS:
            began[step] = at
        elif kind == "step-done" and step in began:
            steps[step] = Leg(step, str(event.get("text")), at - began[step])
        elif kind in ("vm", "node") and event.get("machine"):
            own = marks.setdefault(str(event["machine"]), [])
            mark = str(event.get("data", {}).get("now"))
            if mark not in dict(own):
                own.append((mark, at))
    for machine, own in sorted(marks.items()):
        for (_, before), (mark, at) in pairwise(own):
            found.append(Leg(machine, _VM_MARKS.get(mark, mark), at - before))
    return (*found, *(steps[each] for each in sorted(steps)))


_LATER_STEPS = ("s5", "s6", "s7", "s8")
_VM_MARKS = {
    "answers": "answers by SSH",
    "ready": "its first boot is done",
    "joined": "Ready in the cluster",
}


def as_text(found: Iterable[Leg]) -> str:
    """Give the legs as a table for people."""
    return "\n".join(f"  {leg.machine:<12} {leg.name:<34} {leg.seconds:7.1f} s" for leg in found)
