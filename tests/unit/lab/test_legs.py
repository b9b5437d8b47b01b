"""Legs are the times between what was seen."""

from __future__ import annotations

from typing import Any

from appliance.lab.legs import Leg, as_text, later_legs, legs


def _seen(machine: str, seen: str, at: float) -> dict[str, Any]:
    return {"kind": "evidence", "machine": machine, "at": at, "data": {"seen": seen}}


def test_each_leg_is_the_time_since_the_mark_before() -> None:
    """Marks in order give legs in order, for each machine."""
    events = [
        _seen("hv1", "firmware-dhcp", 10),
        _seen("hv1", "bootloader-sent", 12.5),
        {"kind": "state", "machine": "hv1", "at": 13.0, "data": {}},
        _seen("hv2", "firmware-dhcp", 11),
        _seen("hv1", "install-script", 14),
    ]
    assert legs(events) == (Leg("hv1", "iPXE fetched", 2.5), Leg("hv1", "script served", 1.5))


def test_a_mark_that_was_not_seen_is_skipped() -> None:
    """A leg without its evidence is not made up."""
    events = [_seen("hv1", "firmware-dhcp", 1), _seen("hv1", "kernel-sent", 5)]
    assert legs(events) == (Leg("hv1", "kernel fetched", 4.0),)
    assert "kernel fetched" in as_text(legs(events))


def test_the_restart_from_disk_moves_no_mark_of_the_installation() -> None:
    """The firmware asks for an address and a boot file again after the installation."""
    marks = ["firmware-dhcp", "bootloader-sent", "hook-succeeded", "firmware-dhcp"]
    events = [_seen("hv1", mark, at) for at, mark in enumerate([*marks, "bootloader-sent"])]
    assert [leg.seconds for leg in legs(events)] == [1.0, 1.0]


def test_an_attempt_that_was_cut_off_does_not_count() -> None:
    """After a power cut the legs are those of the attempt that followed."""
    marks = ["firmware-dhcp", "kernel-sent", "firmware-dhcp", "kernel-sent"]
    events = [_seen("hv1", mark, at * at) for at, mark in enumerate(marks)]
    assert legs(events) == (Leg("hv1", "kernel fetched", 5.0),)


def test_virtual_machines_and_later_steps_have_legs_too() -> None:
    """Marks count at their first time, steps in the start that ended them."""
    events = [
        {"kind": "step-started", "step": "s6", "at": 10.0, "text": "create"},
        {"kind": "vm", "machine": "server1", "at": 20.0, "data": {"now": "created"}},
        {"kind": "step-started", "step": "s6", "at": 30.0, "text": "create"},
        {"kind": "vm", "machine": "server1", "at": 40.0, "data": {"now": "created"}},
        {"kind": "vm", "machine": "server1", "at": 65.0, "data": {"now": "answers"}},
        {"kind": "step-done", "step": "s6", "at": 70.0, "text": "create"},
        {"kind": "step-started", "step": "s7", "at": 70.0, "text": "make the cluster"},
        {"kind": "node", "machine": "server1", "at": 95.0, "data": {"now": "joined"}},
    ]
    found = [(each.machine, each.name, each.seconds) for each in later_legs(events)]
    assert found == [
        ("server1", "answers by SSH", 45.0),
        ("server1", "Ready in the cluster", 30.0),
        ("s6", "create", 40.0),
    ]
