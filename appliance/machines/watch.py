"""The watch over all machines: what was seen last, what comes next, what to do if it does not.

Pure: records and the time in, words out. Times are Unix seconds of one clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance.machines.state import EXPECTATIONS, Record, Seen, State, overdue, waiting_since

SILENT_LINK_SECONDS = 60.0
SILENT_BOOTLOADER_SECONDS = 45.0
"""iPXE asks for its script within seconds of being fetched, also at a slow switch port."""

SECURE_BOOT_STARTS = 2

SECURE_BOOT = (
    "Secure Boot is probably on, and this iPXE is not signed: open the firmware's setup (F2, Del "
    "or F10 at power-on), go to Security or Boot, set Secure Boot to Disabled, save, start again"
)
SILENT_LINK = (
    "the cable has link, but nothing was heard for 60 s: are the machines switched on and set to "
    "boot from the network? Is the switch port in the right VLAN, and past spanning tree?"
)
NO_LINK = "the cable has no link: plug it in, and see that the switch has power"


class Standing(StrEnum):
    """How a machine stands against its time."""

    ON_TIME = "on time"
    LATE = "late"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Link:
    """The provisioning interface: whether it has link, since when, and when it last heard one."""

    up: bool
    since: float
    heard_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """One machine at one moment. `left` is seconds to its limit, None where nothing is awaited.

    `advice` is empty while there is nothing to do.
    """

    machine: str
    state: State
    standing: Standing
    seen: str
    seen_at: float
    next: str
    left: float | None
    advice: str

    def __str__(self) -> str:
        words = [f"{self.machine}: {self.standing.value}, {self.state.value}"]
        words += [f"last seen: {self.seen}"] if self.seen else ["nothing seen yet"]
        words += [f"next: {self.next}"] if self.next else []
        return "; ".join(words) + (f" → {self.advice}" if self.advice else "")


def look(machine: str, record: Record, now: float, *, watched_since: float) -> Look:
    """Judge one machine. `watched_since` is when this watch began."""
    expectation = EXPECTATIONS.get(record.state)
    left = None
    if expectation is not None:
        left = expectation.within - (now - waiting_since(record, watched_since))
    return Look(
        machine=machine,
        state=record.state,
        standing=_standing(record, now, watched_since),
        seen=record.last_text or (record.last_seen.value if record.last_seen else ""),
        seen_at=record.last_at,
        next=expectation.next if expectation else "",
        left=left,
        advice=_advice(record, now, watched_since),
    )


def link_advice(link: Link, now: float) -> str:
    """Say what to do about a wire on which nothing is heard; empty while there is nothing."""
    if not link.up:
        return NO_LINK
    if now - max(link.since, link.heard_at) > SILENT_LINK_SECONDS:
        return SILENT_LINK
    return ""


def _standing(record: Record, now: float, watched_since: float) -> Standing:
    if record.state is State.READY:
        return Standing.DONE
    if record.state in (State.FAILED, State.HELD):
        return Standing.STOPPED
    late = overdue(record, now, watched_since) is not None or _secure_boot(record, now)
    return Standing.LATE if late else Standing.ON_TIME


def _advice(record: Record, now: float, watched_since: float) -> str:
    if record.state is State.HELD:
        return record.reason or "see its log, then order its installation again"
    if record.state is State.FAILED:
        return f"its installer failed ({record.reason or 'no word why'}): read its log"
    if _secure_boot(record, now):
        return SECURE_BOOT
    missing = overdue(record, now, watched_since)
    return missing.advice if missing else ""


def _secure_boot(record: Record, now: float) -> bool:
    """The boot file was fetched whole, and nothing came of it: now, or time and again."""
    if record.false_starts >= SECURE_BOOT_STARTS and record.state in (
        State.FIRMWARE,
        State.BOOTLOADER,
    ):
        return True
    return (
        record.state is State.BOOTLOADER
        and record.last_seen is Seen.BOOTLOADER_SENT
        and now - record.last_at > SILENT_BOOTLOADER_SECONDS
    )
