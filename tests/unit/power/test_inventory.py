"""Whether a BMC's machine is the one that the site file means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from appliance.power.inventory import (
    Identity,
    as_json,
    clock_off,
    doubles,
    from_json,
    identify,
)
from appliance.power.model import Inventory, InventoryDisk
from appliance.site.plan import MatchRule
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
    by_ipmi = replace(bare, serial="", uuid=str(UUID(bytes_le=_UUID.bytes)))
    assert set(doubles({"hv1": bare, "hv2": by_ipmi})) == {"hv1", "hv2"}


def test_a_bmc_whose_clock_is_in_2019_is_told_of() -> None:
    """It is one sentence, and nothing goes by that clock."""
    now = datetime(2026, 11, 21, tzinfo=UTC).timestamp()
    assert clock_off(_SAID, now).startswith("its BMC's clock says 2019-01-01 00:00:00: nothing")
    assert clock_off(replace(_SAID, clock=datetime(2026, 11, 20, 23)), now) == ""  # noqa: DTZ001
    assert clock_off(Inventory(), now) == ""


def test_an_inventory_is_kept_and_read_back() -> None:
    """As it was, also an empty one."""
    for said in (_SAID, Inventory()):
        assert from_json(as_json(said)) == said
    assert from_json({**as_json(_SAID), "colour": "grey"}) == _SAID
