"""What a machine is made of: parts that are missing, refused, slow or of another shape."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from appliance.power.model import Inventory
from appliance.power.profiles import NOTHING_KNOWN, Known, Profile, Quirk, Tier
from appliance.power.redfish_documents import Document
from appliance.power.redfish_inventory import clock_of, inventory_of, macs_of

SYSTEM = "/redfish/v1/Systems/1"


def nothing(path: str) -> Document:
    """Give no document."""
    raise TimeoutError(path)


def read(system: Document, documents: dict[str, Document] | None = None) -> Inventory:
    """Read the inventory of a system with these documents behind it."""
    known = documents or {}
    return inventory_of(system, {}, NOTHING_KNOWN, known.__getitem__)


def test_a_machine_that_says_nothing() -> None:
    """Everything is empty, and what was asked in vain is named."""
    found = inventory_of({}, {}, NOTHING_KNOWN, nothing)

    assert found == Inventory(
        unsaid=("the number of its processors", "its memory", "its disks", "its network cards")
    )


def test_one_part_that_fails_costs_the_others_nothing() -> None:
    """The second network card cannot be had; the first stands."""
    nics = f"{SYSTEM}/EthernetInterfaces"
    system = {
        "EthernetInterfaces": {"@odata.id": nics},
        "MemorySummary": {"TotalSystemMemoryGiB": 1.5},
    }
    found = read(
        system,
        {
            nics: {"Members": [{"@odata.id": f"{nics}/1"}, {"@odata.id": f"{nics}/2"}]},
            f"{nics}/1": {"MACAddress": "52-54-00-00-00-01"},
        },
    )

    assert [str(mac) for mac in found.macs] == ["52:54:00:00:00:01"]
    assert found.memory == 3 * 2**29
    assert "its network cards" in found.unsaid


@pytest.mark.parametrize("mac", ["", "00:00:00:00:00:00", "FF:FF:FF:FF:FF:FF", "n/a", "52:54"])
def test_what_is_no_address_is_left_out(mac: str) -> None:
    """As BMCs write it for a card that they cannot see."""
    nics = {"Members": [{"@odata.id": "/n/1"}]}
    system = {"EthernetInterfaces": {"@odata.id": "/n"}}
    documents: dict[str, Document] = {"/n": nics, "/n/1": {"MACAddress": mac}}

    assert macs_of(system, documents.__getitem__) == ()


@pytest.mark.parametrize("serial", ["Default string", "To be filled by O.E.M.", "  ", "None"])
def test_what_nobody_filled_in_is_no_serial(serial: str) -> None:
    """Two machines would have the same."""
    assert read({"SerialNumber": serial}).serial == ""


def test_the_serial_of_a_dell() -> None:
    """Its service tag, or else what there is."""
    dell = Profile(
        "d", "d", Tier.REPORTED, "d", known=(Known(Quirk.SERIAL_IN_SKU, "so", "https://x"),)
    )

    for sku, serial in (("TAG1", "TAG1"), ("", "BOARD1"), (None, "BOARD1")):
        system = {"SerialNumber": "BOARD1", "SKU": sku}
        assert inventory_of(system, {}, dell, nothing).serial == serial


def test_a_graphics_card_is_no_processor() -> None:
    """Some list them together."""
    members = {"Members": [{"@odata.id": "/p/1"}, {"@odata.id": "/p/2"}]}
    found = read(
        {"Processors": {"@odata.id": "/p"}},
        {
            "/p": members,
            "/p/1": {"ProcessorType": "CPU", "TotalThreads": 8},
            "/p/2": {"ProcessorType": "GPU", "TotalThreads": 9999},
        },
    )

    assert found.cpus == 8


@pytest.mark.parametrize(
    ("said", "offset", "clock"),
    [
        ("2026-11-21T20:00:00Z", "", datetime(2026, 11, 21, 20, tzinfo=UTC)),
        ("2026-11-21T14:00:00-06:00", "-06:00", datetime(2026, 11, 21, 20, tzinfo=UTC)),
        ("2019-01-01T00:00:00", "", datetime(2019, 1, 1, tzinfo=UTC)),
        ("not set", "+00:00", None),
        ("0001-01-01T00:00:00+14:00", "", None),
        (None, None, None),
    ],
)
def test_the_clock(said: object, offset: object, clock: datetime | None) -> None:
    """In UTC; one of 2019 is told as it is."""
    assert clock_of({"DateTime": said, "DateTimeLocalOffset": offset}) == clock


def test_a_list_of_disks_without_an_end_is_cut() -> None:
    """It is kept, and shown to people."""
    devices = [{"Name": f"disk {number}"} for number in range(5000)]
    members = [{"@odata.id": f"/s/{number}"} for number in range(9)]
    documents: dict[str, Document] = {"/s": {"Members": members}}
    documents |= {
        f"/s/{number}": {"Devices": devices[number * 64 :]} for number in range(len(members))
    }
    found = read({"SimpleStorage": {"@odata.id": "/s"}}, documents)
    assert len(found.disks) == 256
