"""The legs of a boot, and how long each took: pure, from the events of a rehearsal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


def as_text(found: Iterable[Leg]) -> str:
    """Give the legs as a table for people."""
    return "\n".join(f"  {leg.machine:<12} {leg.name:<34} {leg.seconds:7.1f} s" for leg in found)
