"""What a BMC says of its machine, against the site file and the machine's own report."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from appliance.power.inventory import (
    Identity,
    as_json,
    clock_off,
    differences,
    doubles,
    facts,
    from_json,
    identify,
)
from appliance.power.model import Inventory, InventoryDisk
from appliance.site.plan import Expect, MatchRule
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


def test_a_card_of_the_machine_makes_it_certain() -> None:
    """Above serial numbers: vendors leave those the same on many boards."""
    serial = machine(1, serial="ANOTHER")
    assert identify(serial, _SAID) == Identity(certain=True)
    assert identify(machine(1), replace(_SAID, macs=(_OTHER, _OURS))).certain


def test_other_cards_only_are_another_machine() -> None:
    """Both sides name cards, and none is the same."""
    found = identify(machine(1), replace(_SAID, macs=(_OTHER,)))
    assert not found.certain
    assert "has the cards 52:54:00:12:34:09, and not 52:54:00:12:34:01" in found.against


def test_serial_number_and_uuid_tell_where_no_card_does() -> None:
    """In any case of letters; a UUID in either order of its octets; a wrong one speaks against."""
    bare = replace(_SAID, macs=())
    by_serial = machine(1, macs=(), match=MatchRule(serial="4s1rvm1"))
    assert identify(by_serial, bare) == Identity(certain=True)
    swapped = machine(1, macs=(), uuid=UUID(bytes_le=_UUID.bytes))
    assert identify(swapped, bare) == Identity(certain=True)
    wrong = machine(1, macs=(), serial="SN-02")
    assert "serial number 4S1RVM1, and not SN-02" in identify(wrong, bare).against


def test_what_nobody_says_is_neither_for_nor_against() -> None:
    """A serial number that vendors leave in place is no number."""
    assert identify(machine(1), Inventory()) == Identity()
    junk = Inventory(serial="To Be Filled By O.E.M.")
    assert identify(machine(1, serial="SN-01"), junk) == Identity()


def test_two_bmcs_that_name_one_machine_are_both_told() -> None:
    """Unless their cards tell them apart: then it is two machines with one label."""
    bare = replace(_SAID, macs=())
    found = doubles({"hv1": bare, "hv2": replace(bare, uuid=""), "hv3": Inventory()})
    assert found == {
        "hv1": "its BMC and the one of hv2 both say serial number 4S1RVM1",
        "hv2": "its BMC and the one of hv1 both say serial number 4S1RVM1",
    }
    assert doubles({"hv1": _SAID, "hv2": replace(_SAID, macs=(_OTHER,))}) == {}
    (one, _) = doubles({"hv1": _SAID, "hv2": replace(_SAID, serial="")}).values()
    assert one.endswith(f"both say UUID {_UUID}")


def test_differences_to_what_was_ordered_are_said() -> None:
    """Less is a difference, more is none."""
    expect = Expect(cpus=128, memory=1 << 40, disks=2, nics=1, product="R760")
    told = differences(machine(1, expect=expect), _SAID, None)
    assert told == [
        "its BMC counts 64 processor threads, and the site file expects 128",
        "its BMC counts 1 disk, and the site file expects 2",
        "its BMC finds 550 GB of memory, and the site file expects 1.1 TB",
        "its BMC calls it 'PowerEdge R750', and the site file expects 'R760'",
    ]
    less = Expect(cpus=8, memory=1 << 30, disks=1, nics=1, product="poweredge")
    assert differences(machine(1, expect=less), _SAID, None) == []


def test_differences_to_what_the_machine_reported_are_said() -> None:
    """What one side does not say is none; memory may differ by what firmware keeps."""
    reported = replace(_SAID, memory=(512 << 30) - (8 << 30), firmware="", clock=None)
    assert differences(machine(1), _SAID, reported) == []
    assert differences(machine(1), _SAID, Inventory()) == []
    other = Inventory(
        serial="4S1RVM2",
        uuid=str(UUID(int=_UUID.int + 1)),
        cpus=32,
        memory=256 << 30,
        disks=(InventoryDisk("sda", 960 << 30, serial="OTHER"),),
        macs=(_OTHER,),
    )
    told = " | ".join(differences(machine(1), _SAID, other))
    for part in ("'4S1RVM1', and the machine itself '4S1RVM2'", "UUID", "64 processor threads",
                 "550 GB of memory, and the machine itself 275 GB", str(_OURS),
                 "the disk Disk.0 (1.0 TB, MZ7L3960, serial S6ESNX0)"):  # fmt: skip
        assert part in told
    sized = replace(_SAID, disks=(InventoryDisk("Disk.0", 480 << 30),))
    (told_size,) = differences(machine(1), sized, reported)
    assert "lists a disk of 515 GB, and the machine itself sees none like it" in told_size


def test_a_bmc_whose_clock_is_in_2019_is_told_of() -> None:
    """It is one sentence, and nothing goes by that clock."""
    now = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
    assert clock_off(_SAID, now).startswith("its BMC's clock says 2019-01-01 00:00:00: nothing")
    assert clock_off(replace(_SAID, clock=datetime(2026, 11, 20, 23)), now) == ""  # noqa: DTZ001
    assert clock_off(Inventory(), now) == ""


def test_an_inventory_is_kept_and_read_back() -> None:
    """As it was, also an empty one; and shown without what is unsaid."""
    for said in (_SAID, Inventory()):
        assert from_json(as_json(said)) == said
    assert from_json({**as_json(_SAID), "colour": "grey"}) == _SAID
    assert facts(Inventory()) == []
    assert ("machine", "Dell Inc. PowerEdge R750") in facts(_SAID)
    assert facts(_SAID)[-1] == ("not said", "its processors' speed")
