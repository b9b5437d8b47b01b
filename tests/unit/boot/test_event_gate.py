"""A flood of packets does not become a flood of events; evidence always passes."""

from __future__ import annotations

from appliance.boot.event_gate import BURST, RATE, REPEAT_AFTER, EventGate
from appliance.boot.model import BootEvent
from appliance.machines.state import Seen
from appliance.values import Mac

MAC = Mac("525400000001")


def event(text: str, kind: str = "dhcp", mac: Mac | None = MAC) -> BootEvent:
    """Make an event."""
    return BootEvent(0.0, kind, text, mac, seen=Seen.FIRMWARE_DHCP if kind == "evidence" else None)


def test_repetition_passes_once_a_minute() -> None:
    """The same machine and words; another machine's are another event."""
    gate = EventGate()
    assert gate.admits(event("ignored"), 0)
    assert not gate.admits(event("ignored"), REPEAT_AFTER - 1)
    assert gate.admits(event("ignored", mac=None), 1)
    assert gate.admits(event("ignored"), REPEAT_AFTER)


def test_flood_is_bounded_counted_and_over_again() -> None:
    """The burst passes, the rest is counted once; later the rate lets events through."""
    gate = EventGate()
    passed = sum(gate.admits(event(str(number)), 100) for number in range(5000))
    assert passed == BURST
    assert gate.held_back() == 5000 - BURST
    assert gate.held_back() == 0
    later = sum(gate.admits(event(f"later {number}"), 101) for number in range(5000))
    assert later == RATE


def test_evidence_passes_whatever_comes_beside_it() -> None:
    """What proves a machine's progress is never held back."""
    gate = EventGate()
    for number in range(1000):
        gate.admits(event(str(number)), 100)
    assert all(gate.admits(event("DHCP from PXE firmware", "evidence"), 100) for _ in range(100))
