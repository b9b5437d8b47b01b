"""What a BMC says its machine is, against the site file and against what the machine reported.

Pure. Two questions: is it the machine that the site file means, before anything is switched; and
what do people not know yet, in words. What one side does not say is no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from appliance.power.model import Inventory, InventoryDisk
from appliance.site.hardware import is_serial, is_uuid
from appliance.site.plan import MachinePlan
from appliance.tools.words import many, moment, size
from appliance.values import Mac

CLOCK_SLACK = 24 * 3600.0
"""Seconds. A BMC that lost its battery starts in another year; nothing here depends on it."""
_MEMORY_SLACK = 0.95
"""Kernels, BMCs and SMBIOS count the same memory a little differently."""
_DISK_SLACK = 0.98


@dataclass(frozen=True, slots=True)
class Identity:
    """Whether a BMC's machine is the one that is meant.

    `certain`: something that no other machine has says so. `against`: what says it is another one.
    """

    certain: bool = False
    against: str = ""


def identify(machine: MachinePlan, said: Inventory) -> Identity:
    """Compare what is known of a machine of the site with what its BMC says.

    Its cards stand above serial number and UUID, which vendors leave empty or the same on many.
    """
    macs = frozenset((*machine.macs, *machine.match.macs, *machine.other_macs))
    if macs and not macs.isdisjoint(said.macs):
        return Identity(certain=True)
    labels = tuple(_labels(machine, said))
    wrong = [words for same, words in labels if not same]
    if wrong:
        return Identity(against="; ".join(wrong))
    if labels:
        return Identity(certain=True)
    if macs and said.macs:
        cards = ", ".join(map(str, said.macs))
        own = ", ".join(map(str, sorted(macs)))
        return Identity(against=f"its BMC's machine has the cards {cards}, and not {own}")
    return Identity()


def _labels(machine: MachinePlan, said: Inventory) -> Iterator[tuple[bool, str]]:
    """Whether each label that both sides give is the same, and what to say if it is not."""
    serial = machine.serial or machine.match.serial
    if serial and is_serial(said.serial):
        same = serial.strip().casefold() == said.serial.strip().casefold()
        yield same, f"its BMC's machine has the serial number {said.serial}, and not {serial}"
    uuid, found = machine.uuid or machine.match.uuid, _uuid(said.uuid)
    if uuid is not None and found is not None:
        same = uuid in (found, UUID(bytes_le=found.bytes))
        yield same, f"its BMC's machine has the UUID {found}, and not {uuid}"


def _uuid(text: str) -> UUID | None:
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if is_uuid(found) else None


def doubles(said: Mapping[str, Inventory]) -> dict[str, str]:
    """Say of each machine which other one's BMC speaks of the same machine, by serial or UUID.

    Where both name cards, and no card is the same, they are two machines with one label.
    """
    found: dict[str, str] = {}
    for name, own in said.items():
        for other, theirs in said.items():
            label = _shared_label(own, theirs) if other != name else ""
            if label:
                found.setdefault(name, f"its BMC and the one of {other} both say {label}")
    return found


def _shared_label(one: Inventory, other: Inventory) -> str:
    if one.macs and other.macs and set(one.macs).isdisjoint(other.macs):
        return ""
    uuid = _uuid(one.uuid)
    if uuid is not None and uuid == _uuid(other.uuid):
        return f"UUID {uuid}"
    same = one.serial.strip().casefold() == other.serial.strip().casefold()
    return f"serial number {one.serial}" if same and is_serial(one.serial) else ""


def differences(machine: MachinePlan, said: Inventory, reported: Inventory | None) -> list[str]:
    """Say where a BMC, the site file and the machine's own report do not agree."""
    return [
        *_not_as_ordered(machine, said),
        *(_not_as_reported(said, reported) if reported else ()),
    ]


def _not_as_ordered(machine: MachinePlan, said: Inventory) -> Iterator[str]:
    against = identify(machine, said).against
    if against:
        yield against
    expect = machine.expect
    if expect is None:
        return
    for kind, wanted, found in (
        ("processor thread", expect.cpus, said.cpus),
        ("disk", expect.disks, len(said.disks)),
        ("network card", expect.nics, len(said.macs)),
    ):
        if wanted and 0 < found < wanted:
            yield f"its BMC counts {many(found, kind)}, and the site file expects {wanted}"
    if expect.memory and 0 < said.memory < expect.memory * _MEMORY_SLACK:
        yield (
            f"its BMC finds {size(said.memory)} of memory, and the site file expects "
            f"{size(expect.memory)}"
        )
    if expect.product and said.model and expect.product.casefold() not in said.model.casefold():
        yield f"its BMC calls it {said.model!r}, and the site file expects {expect.product!r}"


def _not_as_reported(said: Inventory, reported: Inventory) -> Iterator[str]:
    for kind, ours, theirs in (
        ("serial number", said.serial, reported.serial),
        ("model", said.model, reported.model),
    ):
        if ours and theirs and ours.strip().casefold() != theirs.strip().casefold():
            yield f"its BMC says the {kind} is {ours!r}, and the machine itself {theirs!r}"
    one, other = _uuid(said.uuid), _uuid(reported.uuid)
    if one and other and other not in (one, UUID(bytes_le=one.bytes)):
        yield f"its BMC says the UUID is {one}, and the machine itself {other}"
    if said.cpus and reported.cpus and said.cpus != reported.cpus:
        yield (
            f"its BMC counts {said.cpus} processor threads, and the machine itself {reported.cpus}"
        )
    if said.memory and reported.memory and not _near(said.memory, reported.memory, _MEMORY_SLACK):
        yield (
            f"its BMC finds {size(said.memory)} of memory, and the machine itself "
            f"{size(reported.memory)}"
        )
    yield from _other_parts(said, reported)


def _other_parts(said: Inventory, reported: Inventory) -> Iterator[str]:
    missing = [mac for mac in said.macs if mac not in reported.macs]
    if reported.macs and missing:
        cards = ", ".join(map(str, missing))
        yield f"its BMC lists the cards {cards}, which the machine itself does not see"
    own = {each.serial.strip().casefold() for each in reported.disks if each.serial}
    for disk in said.disks:
        listed = disk.serial.strip().casefold()
        if listed and own and listed not in own:
            yield f"its BMC lists the disk {disk_text(disk)}, which the machine itself does not see"
    unlisted = [disk.size for disk in said.disks if disk.size and not disk.serial]
    seen = [disk.size for disk in reported.disks]
    for each in unlisted if seen else ():
        if not any(_near(each, one, _DISK_SLACK) for one in seen):
            yield f"its BMC lists a disk of {size(each)}, and the machine itself sees none like it"


def _near(one: int, other: int, slack: float) -> bool:
    return min(one, other) >= max(one, other) * slack


def clock_off(said: Inventory, now: float) -> str:
    """Say that a BMC's clock is far from `now` (Unix seconds); empty where it is not, or unsaid."""
    if said.clock is None:
        return ""
    own = said.clock if said.clock.tzinfo else said.clock.replace(tzinfo=UTC)
    if abs(own.timestamp() - now) <= CLOCK_SLACK:
        return ""
    return (
        f"its BMC's clock says {moment(own.timestamp())}: nothing here goes by it, but the times "
        "in its log are wrong; set it in the BMC's own pages"
    )


def disk_text(disk: InventoryDisk) -> str:
    """Name one disk as a BMC lists it."""
    parts = (size(disk.size) if disk.size else "", disk.model,
             f"serial {disk.serial}" if disk.serial else "")  # fmt: skip
    words = ", ".join(each for each in parts if each)
    return f"{disk.name} ({words})" if words else disk.name


def facts(said: Inventory) -> list[tuple[str, str]]:
    """Give what a BMC says as lines of a label and a text, without what it does not say."""
    lines = [
        ("machine", " ".join(each for each in (said.vendor, said.model) if each)),
        ("serial number", said.serial),
        ("UUID", said.uuid),
        ("threads", str(said.cpus) if said.cpus else ""),
        ("memory", size(said.memory) if said.memory else ""),
        *(("disk", disk_text(each)) for each in said.disks),
        *(("card", str(mac)) for mac in said.macs),
        ("BMC firmware", said.firmware),
        ("BMC clock", said.clock.isoformat() if said.clock else ""),
        *(("not said", each) for each in said.unsaid),
    ]
    return [(label, text) for label, text in lines if text]


def as_json(said: Inventory) -> dict[str, Any]:
    """Give an inventory as JSON-ready values, without what is unsaid."""
    whole = asdict(said)
    whole["macs"] = [str(mac) for mac in said.macs]
    whole["disks"] = [asdict(each) for each in said.disks]
    whole["unsaid"] = list(said.unsaid)
    whole["clock"] = said.clock.isoformat() if said.clock else None
    return {key: value for key, value in whole.items() if value}


def from_json(kept: Mapping[str, Any]) -> Inventory:
    """Read what `as_json` gave; what is unknown (a newer version's) is left out."""
    known = {key: kept[key] for key in Inventory.__dataclass_fields__ if key in kept}
    known["macs"] = tuple(Mac.parse(each) for each in kept.get("macs", ()))
    known["disks"] = tuple(
        InventoryDisk(**{key: each[key] for key in ("name", "size", "model", "serial")})
        for each in kept.get("disks", ())
    )
    known["unsaid"] = tuple(kept.get("unsaid", ()))
    known["clock"] = datetime.fromisoformat(kept["clock"]) if kept.get("clock") else None
    return Inventory(**known)
