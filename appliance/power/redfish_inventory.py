"""What a machine is made of, as its BMC lists it.

Each part is asked for by itself: one that is missing, refused or of another shape is named in
`unsaid`, and the rest stands.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

from appliance.power.model import Inventory, InventoryDisk
from appliance.power.profiles import Profile, Quirk
from appliance.power.redfish_documents import Document, link, links, number, objects, part, text
from appliance.values import Mac

Get = Callable[[str], Document]
"""Fetches one document; raises whatever it likes."""

_MOST = 64
"""Members of one collection that are asked for; a storage shelf would take minutes."""
_MOST_DISKS = 256

NO_SERIAL = frozenset(
    {
        *("to be filled by o.e.m.", "default string", "not specified", "system serial number"),
        *("none", "n/a", "unknown", "0123456789", "123456789"),
    }
)
"""What board makers leave where nobody wrote a serial number: two machines would have one."""


def inventory_of(system: Document, manager: Document, profile: Profile, get: Get) -> Inventory:
    """Read the inventory of a system. Raises nothing but what is no Exception."""
    unsaid: list[str] = []
    serial = text(system, "SerialNumber")
    if profile.has(Quirk.SERIAL_IN_SKU):
        serial = text(system, "SKU") or serial
    if serial.lower() in NO_SERIAL:
        serial = ""
    return Inventory(
        vendor=text(system, "Manufacturer"),
        model=text(system, "Model"),
        serial=serial,
        uuid=text(system, "UUID").lower(),
        cpus=_threads(system, profile, get, unsaid),
        memory=_memory(system, unsaid),
        disks=_disks(system, get, unsaid),
        macs=_macs(system, get, unsaid),
        firmware=text(manager, "FirmwareVersion"),
        clock=clock_of(manager),
        unsaid=tuple(unsaid),
    )


def clock_of(manager: Document) -> datetime | None:
    """Read a BMC's own time, in UTC; one without a zone is taken as UTC. None: unreadable."""
    said = text(manager, "DateTime")
    offset = text(manager, "DateTimeLocalOffset")
    for form in (said, f"{said}{offset}"):
        try:
            read = datetime.fromisoformat(form)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError):
            continue
    return None


def _threads(system: Document, profile: Profile, get: Get, unsaid: list[str]) -> int:
    summary = part(system, "ProcessorSummary")
    if threads := number(summary, "LogicalProcessorCount"):
        return int(threads)
    if profile.has(Quirk.COUNT_IS_THREADS):
        return int(number(summary, "Count"))
    counted = 0
    for each in _members(link(system, "Processors"), get, unsaid, "its processors"):
        if text(each, "ProcessorType") in {"CPU", ""}:
            counted += int(number(each, "TotalThreads"))
    if not counted and "the number of its processors" not in unsaid:
        unsaid.append("the number of its processors")
    return counted


def _memory(system: Document, unsaid: list[str]) -> int:
    memory = int(number(system, "MemorySummary", "TotalSystemMemoryGiB") * 2**30)
    if not memory:
        unsaid.append("its memory")
    return memory


def _disks(system: Document, get: Get, unsaid: list[str]) -> tuple[InventoryDisk, ...]:
    found: list[InventoryDisk] = []
    for storage in _members(link(system, "Storage"), get, unsaid, "its disks"):
        found += [_disk(each) for each in _each(links(storage, "Drives"), get, unsaid, "a disk")]
    if not found:
        for controller in _members(link(system, "SimpleStorage"), get, unsaid, "its disks"):
            found += [_disk(each) for each in objects(controller, "Devices")[:_MOST]]
    if not found and "its disks" not in unsaid:
        unsaid.append("its disks")
    return tuple(dict.fromkeys(found))[:_MOST_DISKS]


def _disk(drive: Document) -> InventoryDisk:
    return InventoryDisk(
        name=text(drive, "Name") or text(drive, "Id"),
        size=int(number(drive, "CapacityBytes")),
        model=text(drive, "Model"),
        serial=text(drive, "SerialNumber"),
    )


def _macs(system: Document, get: Get, unsaid: list[str]) -> tuple[Mac, ...]:
    found: list[Mac] = []
    members = _members(link(system, "EthernetInterfaces"), get, unsaid, "its network cards")
    for each in members:
        for key in ("PermanentMACAddress", "MACAddress"):
            with contextlib.suppress(ValueError):
                found.append(Mac.parse(text(each, key)))
    if not found and "its network cards" not in unsaid:
        unsaid.append("its network cards")
    return tuple(dict.fromkeys(found))


def macs_of(system: Document, get: Get) -> tuple[Mac, ...]:
    """Give the addresses of a system's network cards, as far as the BMC lists them."""
    return _macs(system, get, [])


def _members(collection: str, get: Get, unsaid: list[str], what: str) -> Iterator[Document]:
    if not collection:
        return
    for document in _each((collection,), get, unsaid, what):
        yield from _each(links(document, "Members"), get, unsaid, what)


def _each(paths: tuple[str, ...], get: Get, unsaid: list[str], what: str) -> Iterator[Document]:
    for path in paths[:_MOST]:
        try:
            document = get(path)
        except Exception:  # noqa: BLE001 - one part that cannot be had costs the others nothing
            if what not in unsaid:
                unsaid.append(what)
            continue
        yield document
