"""What the watch says at each moment."""

from __future__ import annotations

import pytest

from appliance.machines.state import EXPECTATIONS, Record, Seen, State
from appliance.machines.watch import (
    NO_LINK,
    SECURE_BOOT,
    SILENT_LINK,
    Link,
    Standing,
    link_advice,
    look,
)

START = 1_000_000.0


def record(state: State, seen: Seen | None = None, *, ago: float = 0.0, text: str = "") -> Record:
    """Give a record whose state was entered, and last sign seen, so many seconds ago."""
    at = START - ago
    return Record(state=state, since=at, last_seen=seen, last_at=at, last_text=text)


def test_a_machine_on_time() -> None:
    """Last seen, next expected, time left; no advice."""
    rootfs = record(State.ROOTFS, Seen.ROOTFS_SENT, ago=100, text="the live root was sent whole")
    found = look("hv1", rootfs, START, watched_since=START - 500)
    assert (found.standing, found.left, found.advice) == (Standing.ON_TIME, 800.0, "")
    assert found.next == EXPECTATIONS[State.ROOTFS].next
    assert "last seen: the live root was sent whole" in str(found)
    assert "next: the installer fetching" in str(found)


@pytest.mark.parametrize("state", list(EXPECTATIONS))
def test_every_waiting_state_ends_in_advice(state: State) -> None:
    """After its limit: late, below zero, with what to do."""
    limit = EXPECTATIONS[state].within
    found = look("hv1", record(state, ago=limit + 1), START, watched_since=0)
    assert (found.standing, found.left) == (Standing.LATE, -1.0)
    assert found.advice == EXPECTATIONS[state].advice


def test_a_machine_never_seen_counts_from_the_watch() -> None:
    """Not from 1970."""
    found = look("hv1", Record(), START, watched_since=START - 10)
    assert (found.standing, found.left) == (Standing.ON_TIME, 890.0)
    assert "nothing seen yet" in str(found)


def test_silence_after_the_boot_file_is_secure_boot() -> None:
    """Long before the state's own limit, with where to switch it off."""
    fetched = record(State.BOOTLOADER, Seen.BOOTLOADER_SENT, ago=50)
    found = look("hv1", fetched, START, watched_since=0)
    assert (found.standing, found.advice) == (Standing.LATE, SECURE_BOOT)
    assert "Security" in SECURE_BOOT
    early = record(State.BOOTLOADER, Seen.BOOTLOADER_SENT, ago=20)
    assert look("hv1", early, START, watched_since=0).advice == ""
    ipxe = record(State.BOOTLOADER, Seen.IPXE_DHCP, ago=50)
    assert look("hv1", ipxe, START, watched_since=0).advice == ""


def test_false_starts_are_secure_boot() -> None:
    """A machine that fetches the boot file over and over never stays long enough in one state."""
    twice = Record(state=State.FIRMWARE, since=START, last_at=START, false_starts=2)
    assert look("hv1", twice, START, watched_since=0).advice == SECURE_BOOT
    once = Record(state=State.FIRMWARE, since=START, last_at=START, false_starts=1)
    assert look("hv1", once, START, watched_since=0).advice == ""


def test_ends() -> None:
    """Ready, failed and held have no limit; the last two say why."""
    ready = look("hv1", record(State.READY), START + 1e6, watched_since=0)
    assert (ready.standing, ready.left, ready.advice) == (Standing.DONE, None, "")
    failed = Record(state=State.FAILED, reason="FAILED from hv1")
    found = look("hv1", failed, START, watched_since=0)
    assert (found.standing, found.left) == (Standing.STOPPED, None)
    assert "FAILED from hv1" in found.advice
    held = Record(state=State.HELD, reason="2 installations began")
    assert look("hv1", held, START, watched_since=0).advice == "2 installations began"


@pytest.mark.parametrize(
    ("link", "advice"),
    [
        (Link(up=False, since=START), NO_LINK),
        (Link(up=True, since=START - 61), SILENT_LINK),
        (Link(up=True, since=START - 59), ""),
        (Link(up=True, since=START - 500, heard_at=START - 30), ""),
        (Link(up=True, since=START - 500, heard_at=START - 70), SILENT_LINK),
    ],
)
def test_the_wire(link: Link, advice: str) -> None:
    """No link, and link with nothing heard for 60 s."""
    assert link_advice(link, START) == advice
