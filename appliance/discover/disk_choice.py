"""Which of the disks that a machine reported is meant, and under which name it is found again.

A selector must match exactly one disk: of two that match, none is guessed. What is wrong with the
disk that is meant is `judge.py`'s matter, so that a broken disk never makes another the only match.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from appliance.discover.report import Content, Disk, Report
from appliance.discover.wanted import Code, Refusal
from appliance.site.disk import (
    DiskFacts,
    DiskTextError,
    Selector,
    Sign,
    Term,
    TextFact,
    TextTerm,
    Trait,
    TraitTerm,
    parse_path,
    parse_selector,
)
from appliance.site.plan import DiskPlan
from appliance.tools.words import size

BY_ID = "/dev/disk/by-id/"
TABLES = frozenset({"gpt", "dos", "mac", "sun", "sgi", "bsd", "atari"})
"""libblkid's names of partition tables: one with nothing in it is no data.

`PMBR` is none of them: it stands before a GPT that cannot be read, as that of a disk of 4 KiB
sectors read in 512: its partitions are there all the same.
"""
_OF_VOLUMES = ("lvm-pv-uuid-", "md-", "dm-", "raid-")
"""By-id names of what is on a disk rather than of the disk: installing changes them."""
_WORLD_WIDE = ("wwn-", "nvme-eui.", "nvme-nguid.", "nvme-uuid.", "scsi-3", "scsi-2", "scsi-8")
_BUSES = ("nvme-", "ata-", "scsi-", "virtio-", "mmc-", "usb-")
_HARVESTER = ("COS_", "HARV_")
"""How Harvester labels its own partitions (facts of its installer: elemental's and its own)."""


def chosen_disk(wanted: DiskPlan | None, report: Report) -> tuple[Disk, str] | Refusal:
    """Give the disk that is meant, with the path to install on; else why there is not one."""
    if wanted is None or not (wanted.path or wanted.selector):
        fix = f"choose one: {disks_text(report.disks)}" if report.disks else ""
        return Refusal(Code.NO_DISK, "no disk is named, and none is ever guessed", fix)
    if wanted.path:
        return disk_at(wanted.path, report)
    try:
        selector = parse_selector(wanted.selector or "")
    except DiskTextError as error:
        return Refusal(Code.NO_MATCH, str(error), error.fix)
    return _selected(selector, report)


def disk_at(path: str, report: Report) -> tuple[Disk, str] | Refusal:
    """Give the one disk that a path names among those reported."""
    found = [each for each in report.disks if path in (*each.by_id, *each.by_path)]
    if len(found) == 1:
        return found[0], path
    if not found:
        what = f"{path} is none of its disks: {disks_text(report.disks)}"
        return Refusal(Code.DISK_ABSENT, what, "name the disk anew, or put it back")
    what = f"{path} names {len(found)} of its disks: {disks_text(found)}"
    return Refusal(Code.UNSTABLE, what, "name the disk by /dev/disk/by-path/…")


def _selected(selector: Selector, report: Report) -> tuple[Disk, str] | Refusal:
    found = matching_disks(selector, report)
    if not found:
        what = f"no disk matches '{selector.text}': it has {disks_text(report.disks)}"
        return Refusal(Code.NO_MATCH, what, "write another selector, or put the disk in")
    if len(found) > 1:
        what = f"{len(found)} disks match '{selector.text}': {disks_text(found)}"
        fix = "narrow the selector by serial, wwn or path, or choose one of them"
        return Refusal(Code.SEVERAL_DISKS, what, fix)
    path = stable_path(found[0], report)
    if path is None:
        what = f"{disk_text(found[0])} has no name that is the same at every boot"
        return Refusal(Code.UNSTABLE, what, "choose another disk")
    return found[0], path


def matching_disks(selector: Selector, report: Report) -> tuple[Disk, ...]:
    """Give all disks that a selector matches. USB and removable ones only if it asks for such."""
    asks_for_movable = any(_asks_for_movable(term) for term in selector.terms)
    return tuple(
        each
        for each in report.disks
        if each.size > 0
        and (asks_for_movable or not is_movable(each))
        and all(_holds(term, each) for term in selector.terms)
    )


def _asks_for_movable(term: Term) -> bool:
    if isinstance(term, TraitTerm):
        return term.wanted and term.trait in (Trait.USB, Trait.REMOVABLE)
    is_bus = isinstance(term, TextTerm) and term.fact is TextFact.BUS
    return is_bus and isinstance(term, TextTerm) and (term.sign, term.text) == (Sign.EQUAL, "usb")


def is_movable(disk: Disk) -> bool:
    """Whether a disk is a stick or a card, which may be gone tomorrow."""
    return disk.removable or disk.bus.casefold() == "usb"


def _holds(term: Term, disk: Disk) -> bool:
    """Whether a term holds: of a path, for one of its names, or against all of them."""
    facts = DiskFacts(
        size=disk.size,
        model=disk.model,
        serial=disk.serial,
        wwn=disk.wwn,
        bus=disk.bus,
        rotational=disk.rotational,
        removable=disk.removable,
    )
    if not (isinstance(term, TextTerm) and term.fact is TextFact.PATH):
        return term.holds(facts)
    names = (*disk.by_id, *disk.by_path) or ("",)
    held = [term.holds(replace(facts, path=name)) for name in names]
    return all(held) if term.sign in (Sign.NOT_EQUAL, Sign.CONTAINS_NOT) else any(held)


def stable_path(disk: Disk, report: Report) -> str | None:
    """Give the best name of a disk: by-id with its serial number, by-id world-wide, by-path.

    None where no usable name is this disk's alone.
    """
    others = {
        name
        for other in report.disks
        if other is not disk
        for name in (*other.by_id, *other.by_path)
    }
    names = [
        name
        for name in (*disk.by_id, *disk.by_path)
        if name not in others and _is_usable(name) and not _names_volume(name)
    ]
    return min(names, key=lambda name: _rank(name, disk), default=None)


def _is_usable(path: str) -> bool:
    try:
        return parse_path(path) == path
    except DiskTextError:
        return False


def _names_volume(path: str) -> bool:
    return path.removeprefix(BY_ID).startswith(_OF_VOLUMES)


def _rank(path: str, disk: Disk) -> tuple[int, int, int, str]:
    """Smaller is better. Of two equal names the shorter: older udev knows it too."""
    name = path.removeprefix(BY_ID)
    serial = disk.serial.strip().replace(" ", "_").casefold()
    bus = next((at for at, prefix in enumerate(_BUSES) if name.startswith(prefix)), len(_BUSES))
    if not path.startswith(BY_ID):
        return 3, 0, len(path), path
    if name.startswith(_WORLD_WIDE):
        return 1, 0, len(path), path
    return (0 if serial and serial in name.casefold() else 2), bus, len(path), path


def disks_text(disks: Iterable[Disk]) -> str:
    """Name disks for people, in the order of their kernel names."""
    return "; ".join(disk_text(each) for each in sorted(disks, key=lambda d: d.name)) or "no disk"


def disk_text(disk: Disk) -> str:
    """Name one disk: kernel name, size, model, serial number, its best name, what is on it."""
    serial = f"serial {disk.serial}" if disk.serial else ""
    name = next(iter(disk.by_id or disk.by_path), "")
    parts = (size(disk.size), disk.model, serial, name, data_text(disk) or "empty")
    return f"{disk.name} ({', '.join(part for part in parts if part)})"


def data_text(disk: Disk) -> str:
    """Say what is on a disk that could be somebody's; empty where there is nothing."""
    found = [each for each in disk.contents if _is_data(each)]
    systems = [f"the installed system {each.system}" for each in found if each.system]
    if any(each.label.startswith(_HARVESTER) for each in found):
        systems.insert(0, "an earlier installation of Harvester")
    rest = [_content_text(each) for each in found if not each.system]
    words = list(dict.fromkeys([*systems, *rest]))
    return ", ".join(words[:6]) + (f" and {len(words) - 6} more" if len(words) > 6 else "")


def _is_data(content: Content) -> bool:
    return bool(content.where or content.label or content.system) or content.kind not in TABLES


def _content_text(content: Content) -> str:
    label = f" '{content.label}'" if content.label else ""
    place = f" on {content.where}" if content.where else ""
    return f"{content.kind or 'something unknown'}{label}{place}"
