"""One record of what a machine is: its own report, filled up with what its BMC says. Pure.

What a machine reports of itself stands above its BMC's word, which may be of yesterday's parts.
What one side does not say is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from appliance.power import inventory
from appliance.power.inventory import identify, same_text, same_uuid, serial_of, uuid_of
from appliance.power.model import Inventory, InventoryDisk
from appliance.site.plan import MachinePlan
from appliance.tools.words import many, size

_VALUES = ("vendor", "model", "serial", "uuid", "cpus", "memory", "disks", "macs")
_MEMORY_SLACK = 0.95
"""Kernels, BMCs and SMBIOS count the same memory a little differently."""
_DISK_SLACK = 0.98


class Source(StrEnum):
    """Who says a value; the value is as it stands in words."""

    REPORT = "reported"
    BMC = "by its BMC"


@dataclass(frozen=True, slots=True)
class Known:
    """What holds of a machine, and who says each value that is known.

    `differences` are where BMC, report and site file do not agree. `hidden` says softly which disks
    only the BMC lists, since a RAID controller seems to stand before them.
    """

    holds: Inventory = field(default_factory=Inventory)
    by: Mapping[str, Source] = field(default_factory=dict)
    differences: tuple[str, ...] = ()
    hidden: str = ""


def merge(machine: MachinePlan, said: Inventory, reported: Inventory | None) -> Known:
    """Put together what a machine's BMC says and what it reported of itself, None: it has not."""
    own = reported or Inventory()
    by = dict(_sources(said, own))
    better = {name: getattr(own, name) for name in by if by[name] is Source.REPORT}
    only_bmc, only_own = _apart(said.disks, own.disks)
    hidden = _hidden(only_bmc, only_own)
    told = (
        *_not_as_ordered(machine, said, by),
        *_not_as_reported(said, own),
        *(() if hidden else map(_unseen, only_bmc)),
    )
    return Known(replace(said, **better), by, told, hidden)


def _sources(said: Inventory, own: Inventory) -> Iterator[tuple[str, Source]]:
    for name in _VALUES:
        if _is_said(name, getattr(own, name)):
            yield name, Source.REPORT
        elif _is_said(name, getattr(said, name)):
            yield name, Source.BMC


def _is_said(name: str, value: Any) -> bool:
    """Whether it says anything: vendors leave serial numbers and UUIDs in place that are none."""
    if name == "serial":
        return bool(serial_of(value))
    return uuid_of(value) is not None if name == "uuid" else bool(value)


# ---------------------------------------------------------------- differences


def _not_as_ordered(
    machine: MachinePlan, said: Inventory, by: Mapping[str, Source]
) -> Iterator[str]:
    """Say what the site file expects and the BMC alone speaks of; a report is judged elsewhere."""
    against = identify(machine, said).against
    if against:
        yield against
    expect = machine.expect
    if expect is None:
        return
    for name, kind, wanted, found in (
        ("cpus", "processor thread", expect.cpus, said.cpus),
        ("disks", "disk", expect.disks, len(said.disks)),
        ("macs", "network card", expect.nics, len(said.macs)),
    ):
        if by.get(name) is Source.BMC and wanted and found < wanted:
            yield f"its BMC counts {many(found, kind)}, and the site file expects {wanted}"
    memory = expect.memory or 0
    if by.get("memory") is Source.BMC and said.memory < memory * _MEMORY_SLACK:
        yield (
            f"its BMC finds {size(said.memory)} of memory, and the site file expects {size(memory)}"
        )
    other = expect.product and expect.product.casefold() not in said.model.casefold()
    if by.get("model") is Source.BMC and other:
        yield f"its BMC calls it {said.model!r}, and the site file expects {expect.product!r}"


def _not_as_reported(said: Inventory, own: Inventory) -> Iterator[str]:
    for name, kind, ours, theirs in (
        ("serial", "serial number", said.serial, own.serial),
        ("model", "model", said.model, own.model),
    ):
        both = _is_said(name, ours) and _is_said(name, theirs)
        if both and not same_text(ours, theirs):
            yield f"its BMC says the {kind} is {ours!r}, and the machine itself {theirs!r}"
    one, other = uuid_of(said.uuid), uuid_of(own.uuid)
    if one and other and not same_uuid(one, other):
        yield f"its BMC says the UUID is {one}, and the machine itself {other}"
    if said.cpus and own.cpus and said.cpus != own.cpus:
        yield f"its BMC counts {said.cpus} processor threads, and the machine itself {own.cpus}"
    if said.memory and own.memory and not _near(said.memory, own.memory, _MEMORY_SLACK):
        yield (
            f"its BMC finds {size(said.memory)} of memory, and the machine itself "
            f"{size(own.memory)}"
        )
    missing = [mac for mac in said.macs if mac not in own.macs]
    if own.macs and missing:
        cards = ", ".join(map(str, missing))
        yield f"its BMC lists the cards {cards}, which the machine itself does not see"


# ---------------------------------------------------------------- disks


def _apart(
    said: tuple[InventoryDisk, ...], own: tuple[InventoryDisk, ...]
) -> tuple[tuple[InventoryDisk, ...], tuple[InventoryDisk, ...]]:
    """Give the disks that only the BMC lists, and those that only the machine itself sees.

    One without size and serial number is not judged; neither is a side that lists none.
    """
    if not (said and own):
        return (), ()
    left, only = list(own), []
    for disk in sorted(said, key=lambda each: not each.serial):  # the surer ones first
        same = next((each for each in left if _same_disk(disk, each)), None)
        if same is not None:
            left.remove(same)
        elif disk.size or disk.serial:
            only.append(disk)
    return tuple(only), tuple(left)


def _same_disk(one: InventoryDisk, other: InventoryDisk) -> bool:
    if one.serial and other.serial:
        return same_text(one.serial, other.serial)
    return bool(one.size and other.size) and _near(one.size, other.size, _DISK_SLACK)


def _hidden(only_bmc: tuple[InventoryDisk, ...], only_own: tuple[InventoryDisk, ...]) -> str:
    """Say that a RAID controller seems to show fewer, and no larger, disks of its own."""
    members = [each.size for each in only_bmc]
    volumes = sum(each.size for each in only_own)
    if not all(members) or not 0 < len(only_own) < len(members):
        return ""
    if not min(members) * _DISK_SLACK <= volumes <= sum(members) / _DISK_SLACK:
        return ""
    return (
        f"its BMC lists {many(len(members), 'disk')} that the machine itself sees as "
        f"{len(only_own)}: behind a RAID controller, as it seems"
    )


def _unseen(disk: InventoryDisk) -> str:
    return f"its BMC lists the disk {disk_text(disk)}, which the machine itself does not see"


def _near(one: int, other: int, slack: float) -> bool:
    return min(one, other) >= max(one, other) * slack


# ---------------------------------------------------------------- for people, and for programs


def disk_text(disk: InventoryDisk) -> str:
    """Name one disk."""
    parts = (size(disk.size) if disk.size else "", disk.model,
             f"serial {disk.serial}" if disk.serial else "")  # fmt: skip
    words = ", ".join(each for each in parts if each)
    return f"{disk.name} ({words})" if words else disk.name


def facts(known: Known, *, bmc_only: bool = False) -> list[tuple[str, str]]:
    """Give what holds as lines of a label and a text with who says it.

    `bmc_only`: without what the machine reported itself.
    """
    holds = known.holds
    lines = [
        (name, label, text)
        for name, label, text in (
            ("vendor", "maker", holds.vendor),
            ("model", "model", holds.model),
            ("serial", "serial number", holds.serial),
            ("uuid", "UUID", holds.uuid),
            ("cpus", "threads", str(holds.cpus)),
            ("memory", "memory", size(holds.memory)),
            *(("disks", "disk", disk_text(each)) for each in holds.disks),
            *(("macs", "card", str(mac)) for mac in holds.macs),
        )
        if name in known.by and not (bmc_only and known.by[name] is Source.REPORT)
    ]
    own = [
        ("more disks", known.hidden),
        ("BMC firmware", holds.firmware),
        ("BMC clock", holds.clock.isoformat() if holds.clock else ""),
        *(("not said", each) for each in holds.unsaid),
    ]
    return [
        *((label, f"{text} ({known.by[name]})") for name, label, text in lines),
        *((label, text) for label, text in own if text),
    ]


def as_json(known: Known) -> dict[str, dict[str, Any]]:
    """Give each known value with who says it, `report` or `bmc`, as JSON-ready values."""
    holds = inventory.as_json(known.holds)
    return {
        name: {"value": holds[name], "by": source.name.lower()} for name, source in known.by.items()
    }
