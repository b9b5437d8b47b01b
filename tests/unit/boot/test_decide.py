"""The one boot decision: every row of its policy, and what must never happen."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.boot.decide import Action, decide
from appliance.boot.model import BootMachine
from appliance.machines.state import MAX_INSTALLS, Evidence, Record, Seen, State, fold
from appliance.site.plan import OwnDisk
from appliance.wire.pxe import Firmware
from tests.unit.boot.dhcp_packets import NODE

NEW = Record()
IS_READY = Record(state=State.READY)
TO_FIND = replace(NODE, documents=None, discover="its disk is to be found")


@pytest.mark.parametrize(
    ("machine", "record", "firmware", "action", "words"),
    [
        (None, NEW, Firmware.UEFI_X64, Action.DISCOVER, "approved"),
        (NODE, NEW, Firmware.UEFI_X64, Action.INSTALL, "armed"),
        (NODE, NEW, None, Action.INSTALL, "armed"),
        (replace(NODE, installed=True), NEW, None, Action.OWN_DISK, "installed"),
        (NODE, Record(state=State.INSTALLED), None, Action.OWN_DISK, "installed"),
        (NODE, Record(state=State.READY), None, Action.OWN_DISK, "installed"),
        (replace(NODE, documents=None), NEW, None, Action.HOLD, "not armed"),
        (replace(NODE, documents=None, hold="no disk"), NEW, None, Action.HOLD, "no disk"),
        (replace(NODE, hold="asleep"), NEW, None, Action.HOLD, "asleep"),
        (replace(NODE, bios_refusal="UEFI only"), NEW, Firmware.BIOS, Action.HOLD, "UEFI only"),
        (replace(NODE, bios_refusal="UEFI only"), NEW, Firmware.UEFI_X64, Action.INSTALL, "armed"),
        (NODE, Record(state=State.HELD, last_text="twice"), None, Action.HOLD, "twice"),
        (replace(NODE, waits_for="hv0"), NEW, None, Action.HOLD, "hv0"),
        (TO_FIND, NEW, Firmware.UEFI_X64, Action.DISCOVER, "its disk"),
        (TO_FIND, NEW, Firmware.BIOS, Action.DISCOVER, "its disk"),
        (replace(TO_FIND, hold="no disk", bios_refusal="x"), NEW, None, Action.DISCOVER, "disk"),
        (TO_FIND, Record(state=State.HELD), None, Action.DISCOVER, "its disk"),
        (TO_FIND, Record(state=State.INSTALLED), None, Action.OWN_DISK, "installed"),
        (replace(TO_FIND, installed=True), IS_READY, None, Action.DISCOVER, "its disk"),
        (NODE, Record(image_sent=True), None, Action.OWN_DISK, "never reported"),
        (NODE, Record(image_sent=True, own_disk_tries=1), None, Action.INSTALL, "armed"),
        (NODE, Record(installs=MAX_INSTALLS), None, Action.HOLD, "reinstall SITE hv1"),
    ],
)
def test_policy(
    machine: BootMachine | None,
    record: Record,
    firmware: Firmware | None,
    action: Action,
    words: str,
) -> None:
    """Each row: who, what is known, and the answer with its reason."""
    decision = decide(machine, record, firmware=firmware, booting=True)
    assert decision.action is action
    assert words in decision.reason


def test_strangers_system_is_ignored() -> None:
    """A laptop on the same switch that does not boot from the network is none of our business."""
    assert decide(None, NEW, firmware=None, booting=False).action is Action.IGNORE


@pytest.mark.parametrize("first", list(OwnDisk))
def test_own_disk_ways_take_turns_from_the_machines_own(first: OwnDisk) -> None:
    """One that fails is followed by the next (sidero#287); all three come before a repetition."""
    machine = replace(NODE, installed=True, own_disk=first.value)
    decisions = [
        decide(machine, Record(own_disk_tries=tries), firmware=None, booting=True)
        for tries in range(4)
    ]
    ways = [each.own_disk for each in decisions]
    assert ways[0] is ways[3] is first
    assert set(ways) == set(OwnDisk)
    assert all(one is not other for one, other in pairwise(ways))


SEEN = st.lists(st.sampled_from([each for each in Seen if each is not Seen.REINSTALL_ORDERED]))


@given(before=SEEN, after=SEEN)
def test_reported_installation_is_never_repeated(before: list[Seen], after: list[Seen]) -> None:
    """Whatever is seen before and after SUCCEEDED, only an order has it installed again."""
    record = NEW
    for seen in (*before, Seen.HOOK_SUCCEEDED, *after):
        record = fold(record, Evidence("hv1", seen, 0.0))
    assert decide(NODE, record, firmware=None, booting=True).action is Action.OWN_DISK


@given(st.lists(st.sampled_from([Seen.INSTALL_SCRIPT, Seen.KERNEL_SENT, Seen.FIRMWARE_DHCP])))
def test_what_was_only_served_flips_nothing(served: list[Seen]) -> None:
    """A script or a kernel that went out is no installation (facts, section 5, mistake 1)."""
    record = NEW
    for seen in served:
        record = fold(record, Evidence("hv1", seen, 0.0))
    assert decide(NODE, record, firmware=None, booting=True).action is Action.INSTALL
