"""One record of a machine: its own report before its BMC's word, and where they do not agree."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from appliance.power.known import Known, Source, as_json, facts, merge
from appliance.power.model import Inventory, InventoryDisk
from appliance.site.plan import Expect
from appliance.values import Mac
from tests.plans import machine

_OURS, _OTHER = Mac("525400123401"), Mac("525400123409")
_UUID = UUID("4c4c4544-0034-5310-8052-b4c04f564d31")
_SAID = Inventory(
    vendor="Dell Inc.",
    model="PowerEdge R750",
    serial="4S1RVM1",
    uuid=str(_UUID),
    cpus=64,
    memory=512 << 30,
    disks=(InventoryDisk("Disk.0", 960 << 30, "MZ7L3960", "S6ESNX0"),),
    macs=(_OURS,),
    firmware="7.00.60",
    clock=datetime(2019, 1, 1, tzinfo=UTC),
    unsaid=("its processors' speed",),
)


def _disks(*sizes: int, serial: str = "") -> tuple[InventoryDisk, ...]:
    return tuple(
        InventoryDisk(f"D{number}", each << 30, serial=f"{serial}{number}" if serial else "")
        for number, each in enumerate(sizes)
    )


def _told(said: Inventory, reported: Inventory | None, expect: Expect | None = None) -> list[str]:
    return list(merge(machine(1, expect=expect), said, reported).differences)


def test_a_report_stands_above_a_bmc_which_fills_it_up() -> None:
    """Value by value; who says each is known, to people and to programs."""
    own = Inventory(vendor="Dell", serial="4S1RVM1", cpus=64, macs=(_OURS, _OTHER))
    both = merge(machine(1), _SAID, own)
    assert (both.holds.vendor, both.holds.model) == ("Dell", "PowerEdge R750")
    assert (both.holds.macs, both.holds.disks) == (own.macs, _SAID.disks)
    said = {name for name, source in both.by.items() if source is Source.BMC}
    assert said == {"model", "uuid", "memory", "disks"}
    assert as_json(both)["serial"] == {"value": "4S1RVM1", "by": "report"}
    assert as_json(both)["disks"]["by"] == "bmc"
    lines = facts(both)
    assert ("maker", "Dell (reported)") in lines
    assert ("disk", "Disk.0 (1.0 TB, MZ7L3960, serial S6ESNX0) (by its BMC)") in lines
    assert lines[-1] == ("not said", "its processors' speed")
    assert "maker" not in dict(facts(both, bmc_only=True))
    assert both.differences == ()


def test_of_a_machine_that_nobody_speaks_of_nothing_is_known() -> None:
    """No line, no value, no difference; one side alone is enough."""
    nothing = merge(machine(1), Inventory(), None)
    assert nothing == Known()
    assert (facts(nothing), as_json(nothing)) == ([], {})
    assert set(merge(machine(1), _SAID, None).by.values()) == {Source.BMC}
    assert set(merge(machine(1), Inventory(), _SAID).by.values()) == {Source.REPORT}


def test_a_label_that_vendors_leave_in_place_gives_way() -> None:
    """The BMC's serial number and UUID hold then, and it is no difference."""
    blank = Inventory(serial="To Be Filled By O.E.M.", uuid=str(UUID(int=0)))
    both = merge(machine(1), _SAID, blank)
    assert (both.holds.serial, both.holds.uuid) == ("4S1RVM1", str(_UUID))
    assert both.differences == ()


def test_a_uuid_in_the_other_order_of_octets_is_the_same() -> None:
    """As IPMI gives it."""
    swapped = Inventory(uuid=str(UUID(bytes_le=_UUID.bytes)))
    assert _told(_SAID, swapped) == []
    (told,) = _told(_SAID, Inventory(uuid=str(UUID(int=_UUID.int + 1))))
    assert told.startswith(f"its BMC says the UUID is {_UUID}, and the machine itself 4c4c4544-")


def test_differences_to_what_was_ordered_are_said() -> None:
    """Less is a difference, more is none; what the machine reported itself is judged elsewhere."""
    expect = Expect(cpus=128, memory=1 << 40, disks=2, nics=1, product="R760")
    told = [
        "its BMC counts 64 processor threads, and the site file expects 128",
        "its BMC counts 1 disk, and the site file expects 2",
        "its BMC finds 550 GB of memory, and the site file expects 1.1 TB",
        "its BMC calls it 'PowerEdge R750', and the site file expects 'R760'",
    ]
    assert _told(_SAID, None, expect) == told
    assert _told(_SAID, Inventory(cpus=64), expect) == told[1:]
    less = Expect(cpus=8, memory=1 << 30, disks=1, nics=1, product="poweredge")
    assert _told(_SAID, None, less) == []


def test_differences_to_what_the_machine_reported_are_said() -> None:
    """What one side does not say is none; memory may differ by what firmware keeps."""
    reported = replace(_SAID, memory=(512 << 30) - (8 << 30), firmware="", clock=None)
    assert _told(_SAID, reported) == []
    other = Inventory(
        serial="4S1RVM2",
        cpus=32,
        memory=256 << 30,
        disks=(InventoryDisk("sda", 960 << 30, serial="OTHER"),),
        macs=(_OTHER,),
    )
    told = " | ".join(_told(_SAID, other))
    for part in ("'4S1RVM1', and the machine itself '4S1RVM2'", "64 processor threads",
                 "550 GB of memory, and the machine itself 275 GB", str(_OURS),
                 "the disk Disk.0 (1.0 TB, MZ7L3960, serial S6ESNX0)"):  # fmt: skip
        assert part in told


def test_a_disk_is_known_by_its_serial_number_else_by_its_size() -> None:
    """Each once: two of one size are not seen as one."""
    own = Inventory(disks=_disks(480, 960, serial="S"))
    assert _told(Inventory(disks=_disks(960, 480)), own) == []
    (told,) = _told(Inventory(disks=_disks(480, 480)), own)
    assert told == "its BMC lists the disk D1 (515 GB), which the machine itself does not see"
    assert _told(Inventory(disks=(InventoryDisk("Bay 1"),)), own) == []


@pytest.mark.parametrize("volumes", [(960,), (2880,), (940, 940), (100, 900)])
def test_members_behind_a_raid_controller_are_said_softly(volumes: tuple[int, ...]) -> None:
    """Fewer disks than members, and no more room than theirs: mirrored, striped or in slices."""
    members = _disks(960, 960, 960, serial="M")
    both = merge(
        machine(1), Inventory(disks=members), Inventory(disks=_disks(*volumes, serial="V"))
    )
    assert both.differences == ()
    assert both.hidden == (
        f"its BMC lists 3 disks that the machine itself sees as {len(volumes)}: "
        "behind a RAID controller, as it seems"
    )
    assert ("more disks", both.hidden) in facts(both, bmc_only=True)


@pytest.mark.parametrize("seen", [(16,), (4000,), (960, 960, 960)])
def test_disks_that_are_missing_are_no_controllers_members(seen: tuple[int, ...]) -> None:
    """Something small beside them, something larger, as many others: each missing one is said."""
    both = merge(
        machine(1),
        Inventory(disks=_disks(960, 960, 960, serial="M")),
        Inventory(disks=_disks(*seen, serial="V")),
    )
    assert both.hidden == ""
    assert len(both.differences) == 3
