"""What a BMC says its machine is: is it the machine that the site file means? Pure.

It is asked before anything is switched. `power.known` tells people what does not agree.
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
from appliance.tools.words import moment
from appliance.values import Mac

CLOCK_SLACK = 24 * 3600.0
"""Seconds. A BMC that lost its battery starts in another year; nothing here depends on it."""


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
    if serial and serial_of(said.serial):
        same = same_text(serial, said.serial)
        yield same, f"its BMC's machine has the serial number {said.serial}, and not {serial}"
    uuid, found = machine.uuid or machine.match.uuid, uuid_of(said.uuid)
    if uuid is not None and found is not None:
        same = same_uuid(uuid, found)
        yield same, f"its BMC's machine has the UUID {found}, and not {uuid}"


def same_text(one: str, other: str) -> bool:
    """Whether two labels are the same but for letters' case and blanks around them."""
    return one.strip().casefold() == other.strip().casefold()


def same_uuid(one: UUID, other: UUID) -> bool:
    """Whether two UUIDs are the same, in either order of their octets (SMBIOS 7.2.1)."""
    return other in (one, UUID(bytes_le=one.bytes))


def serial_of(text: str) -> str:
    """Give a serial number; nothing where it is none, or one that vendors leave in place."""
    return text.strip() if is_serial(text) else ""


def uuid_of(text: str) -> UUID | None:
    """Read a UUID; None where it is none, or one that vendors leave in place."""
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
    uuid, theirs = uuid_of(one.uuid), uuid_of(other.uuid)
    if uuid is not None and theirs is not None and same_uuid(uuid, theirs):
        return f"UUID {uuid}"
    same = same_text(one.serial, other.serial)
    return f"serial number {one.serial}" if same and serial_of(one.serial) else ""


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
