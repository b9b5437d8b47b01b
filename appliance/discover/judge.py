"""What speaks against installing a machine, and what people should know of it. Pure.

A refusal holds the machine until it is put right; only that a disk holds data is for people to
overrule, by typing the machine's name. All else that is out of the ordinary is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from appliance import advice
from appliance.discover.disk_choice import data_text, disk_text, is_movable
from appliance.discover.report import Disk, Nic, Report
from appliance.discover.wanted import Code, Found, Refusal, Wanted
from appliance.site import hardware
from appliance.site.hardware import GIB, is_serial, is_uuid
from appliance.site.plan import Expect
from appliance.tools.words import duration, size
from appliance.values import Mac

MEMBERS = {
    "linux_raid_member": "a Linux RAID",
    "isw_raid_member": "an Intel RAID",
    "ddf_raid_member": "a RAID controller's set",
    "LVM2_member": "an LVM volume group",
    "LVM1_member": "an LVM volume group",
    "zfs_member": "a ZFS pool",
    "ceph_bluestore": "a Ceph cluster",
    "bcache": "a bcache set",
    "drbd": "a DRBD volume",
}
"""libblkid's types of what spans disks."""
CLOCK_SLACK = 60.0
"""Seconds: certificates made now are not yet valid on a machine whose clock is behind."""
MEMORY_SLACK = 0.95
"""Of the memory ordered: where SMBIOS tells nothing, the kernel's own figure is a little less."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The disks of one machine that its installation would write on."""

    disk: Disk
    data_disk: Disk | None = None

    @property
    def all(self) -> tuple[Disk, ...]:
        """One or two disks; the same one twice is one."""
        beside = self.data_disk is not None and self.data_disk != self.disk
        return (self.disk, self.data_disk) if self.data_disk and beside else (self.disk,)


def against(wanted: Wanted, found: Found, chosen: Chosen | None) -> tuple[Refusal, ...]:
    """Give all that keeps a machine from being installed. `chosen`: None while no disk is."""
    report = found.report
    refusals = [*_too_small(wanted, found, chosen), *_not_as_ordered(wanted.expect, report, chosen)]
    refusals += _cannot_start(wanted, report)
    for disk in chosen.all if chosen else ():
        refusals += [*_unfit(disk), *_holds_data(wanted, disk)]
        refusals += _of_others_too(wanted, report, disk, chosen)
    return tuple(refusals)


def worth_telling(wanted: Wanted | None, found: Found) -> tuple[Refusal, ...]:
    """Give what people should know of a machine, of the site or not, without holding it."""
    report = found.report
    told = [*_identical_disks(report), *_no_link(report), *_clock_off(found)]
    if wanted is not None:
        told += [*_small_but_accepted(wanted, found), *_more_than_ordered(wanted.expect, report)]
        told += _also_erased(wanted, report)
    told += [Refusal(Code.PROBLEM, f"not found out: {each}") for each in report.problems]
    return tuple(told)


Shared = Mapping[str, tuple[Mac, ...]]
"""What several machines report, in lower case, with the cards they reported by."""


def shared_serials(found: Iterable[Found]) -> Shared:
    """Give the serial numbers that several machines report: they identify none of them."""
    return _shared((serial_of(each.report), each.mac) for each in found)


def shared_uuids(found: Iterable[Found]) -> Shared:
    """Give the UUIDs that several machines report."""
    return _shared((uuid_of(each.report), each.mac) for each in found)


def _shared(owners: Iterable[tuple[str, Mac]]) -> Shared:
    cards: dict[str, list[Mac]] = {}
    for value, mac in owners:
        if value:
            cards.setdefault(value, []).append(mac)
    return {value: tuple(sorted(macs)) for value, macs in cards.items() if len(macs) > 1}


def serial_of(report: Report) -> str:
    """Give the serial number to compare: the system's, else the board's; empty if junk."""
    for serial in (report.serial, report.board_serial):
        if is_serial(serial):
            return serial.strip().casefold()
    return ""


def uuid_of(report: Report) -> str:
    """Give the UUID to compare; empty where there is none, or one that vendors put on many."""
    return str(report.uuid) if report.uuid is not None and is_uuid(report.uuid) else ""


def duplicates(found: Found, serials: Shared, uuids: Shared) -> tuple[Refusal, ...]:
    """Tell which identifiers of a machine others report as well."""
    told = []
    for kind, value, owners in (
        ("serial number", serial_of(found.report), serials),
        ("UUID", uuid_of(found.report), uuids),
    ):
        if value in owners:
            macs = ", ".join(map(str, owners[value]))
            what = f"{len(owners[value])} machines report the {kind} {value}: {macs}"
            told.append(Refusal(Code.DUPLICATE, what, "tell these machines by their mac"))
    return tuple(told)


def _too_small(wanted: Wanted, found: Found, chosen: Chosen | None) -> Iterator[Refusal]:
    """What Harvester's installer stops on, unless its checks are told to let it pass."""
    if wanted.accept_small_hardware:
        return
    report = found.report
    fix = "take a larger machine, or set hypervisor.accept_small_hardware: true"
    for what in _below(report, hardware.MIN_CPUS, int(hardware.MIN_MEMORY * hardware.SLACK)):
        yield Refusal(Code.SMALL, f"{what}, and Harvester's installer stops there", fix)
    speed = _speed(found)
    if 0 < speed < hardware.MIN_SPEED:
        what = f"its network runs at {speed} Mbit/s, and Harvester's installer stops below 10000"
        yield Refusal(Code.SMALL, what, fix)
    yield from _disks_too_small(chosen)


def _cannot_start(wanted: Wanted, report: Report) -> Iterator[Refusal]:
    """Its memory does not hold the installer, whatever is accepted: it would fetch it for ever."""
    fix = "give it more memory, or take another machine; then start it again"
    if report.failed:
        yield Refusal(Code.FAILED, report.failed, fix)
    elif wanted.installer and 0 < report.memory < wanted.installer + hardware.RUNNING:
        what = f"its memory of {size(report.memory)} does not hold the installer, which has "
        yield Refusal(Code.NO_ROOM, what + size(wanted.installer), fix)


def _small_but_accepted(wanted: Wanted, found: Found) -> Iterator[Refusal]:
    if wanted.accept_small_hardware:
        least = int(hardware.TEST_MEMORY * hardware.SLACK)
        for what in _below(found.report, hardware.TEST_CPUS, least):
            yield Refusal(Code.SMALL, f"{what}: less than Harvester needs for a test")


def _below(report: Report, cpus: int, memory: int) -> Iterator[str]:
    """Say what is below; what is unknown is not judged."""
    if 0 < report.threads < cpus:
        yield f"it has {report.threads} processor threads"
    if 0 < report.memory < memory:
        yield f"it has {_gib(report.memory)} of memory"


def _disks_too_small(chosen: Chosen | None) -> Iterator[Refusal]:
    if chosen is None:
        return
    beside = chosen.data_disk is not None and chosen.data_disk != chosen.disk
    least = hardware.MIN_DISK_BESIDE_DATA if beside else hardware.MIN_DISK
    needs = [(chosen.disk, least)]
    if chosen.data_disk is not None and beside:
        needs.append((chosen.data_disk, hardware.MIN_DATA_DISK))
    for disk, octets in needs:
        if disk.size < octets:
            what = f"{disk.name} has {_gib(disk.size)}, and Harvester needs {_gib(octets)}"
            fix = "take a larger disk, or set hypervisor.accept_small_hardware: true"
            yield Refusal(Code.SMALL, what, fix)


def _speed(found: Found) -> int:
    """Give the speed of the card that it reported by, in Mbit/s; 0 where unknown."""
    return next((nic.speed for nic in found.report.nics if nic.mac == found.mac and nic.link), 0)


def _not_as_ordered(
    expect: Expect | None, report: Report, chosen: Chosen | None
) -> Iterator[Refusal]:
    if expect is None:
        return
    fix = "have the machine put right, or correct expect in the site file"
    for what, came, ordered in _compared(expect, report):
        if ordered is not None and came < ordered:
            words = f"{came} {what} came, and {ordered} were ordered"
            yield Refusal(Code.NOT_AS_ORDERED, words, fix)
    if expect.memory is not None and report.memory < expect.memory * MEMORY_SLACK:
        words = f"{_gib(report.memory)} of memory came, and {_gib(expect.memory)} were ordered"
        yield Refusal(Code.NOT_AS_ORDERED, words, fix)
    if expect.disk_size is not None and chosen and chosen.disk.size < expect.disk_size:
        words = f"{chosen.disk.name} has {size(chosen.disk.size)}, and {size(expect.disk_size)}"
        yield Refusal(Code.NOT_AS_ORDERED, f"{words} were ordered", fix)
    if expect.product and expect.product.casefold() not in report.product.casefold():
        came_as = report.product or "machine without a name"
        words = f"it is a {came_as}, not a {expect.product}"
        yield Refusal(Code.NOT_AS_ORDERED, words, fix)


def _compared(expect: Expect, report: Report) -> Iterator[tuple[str, int, int | None]]:
    yield "processor threads", report.threads, expect.cpus
    yield "disks", sum(not is_movable(each) for each in report.disks), expect.disks
    yield "network cards", len(report.macs), expect.nics


def _more_than_ordered(expect: Expect | None, report: Report) -> Iterator[Refusal]:
    if expect is None:
        return
    for what, came, ordered in _compared(expect, report):
        if ordered is not None and came > ordered:
            yield Refusal(Code.MORE, f"{came} {what} came, and {ordered} were ordered")
    if expect.memory is not None and report.memory > expect.memory:
        words = f"{_gib(report.memory)} of memory came, and {_gib(expect.memory)} were ordered"
        yield Refusal(Code.MORE, words)


def _unfit(disk: Disk) -> Iterator[Refusal]:
    fix = "choose another disk, or have it put right"
    if disk.read_only:
        yield Refusal(Code.READ_ONLY, f"{disk_text(disk)} can only be read", fix)
    if disk.problem:
        yield Refusal(Code.HUNG, f"{disk_text(disk)}: {disk.problem}", fix)


def _holds_data(wanted: Wanted, disk: Disk) -> Iterator[Refusal]:
    data = data_text(disk)
    if data and not wanted.erase:
        what = f"{disk.name} ({_named(disk)}) holds data: {data}"
        fix = f"{advice.have_erased()}, or choose another disk"
        yield Refusal(Code.DATA, what, fix)


def _of_others_too(
    wanted: Wanted, report: Report, disk: Disk, chosen: Chosen | None
) -> Iterator[Refusal]:
    """Erasing a member takes the data of the others with it, unless they are given up as well."""
    for kind in dict.fromkeys(each.kind for each in disk.contents if each.kind in MEMBERS):
        written_on = chosen.all if chosen else ()
        others = [
            each
            for each in _members(report, kind)
            if each not in written_on and not _given_up(wanted, each)
        ]
        if others:
            names = ", ".join(each.name for each in others)
            what = f"{disk.name} is part of {MEMBERS[kind]}, and so may be {names}, which stays"
            fix = "choose another disk, or write wipe_disks with all of its disks"
            yield Refusal(Code.MEMBER, what, fix)


def _also_erased(wanted: Wanted, report: Report) -> Iterator[Refusal]:
    """The file gives these disks up by name or all together: people still should know."""
    for disk in sorted(report.disks, key=lambda each: each.name):
        if data_text(disk) and _given_up(wanted, disk):
            key = "wipe_all_disks" if wanted.wipe_all_disks else "wipe_disks"
            yield Refusal(Code.DATA, f"{key} erases {disk_text(disk)}")


def _members(report: Report, kind: str) -> list[Disk]:
    return [each for each in report.disks if any(c.kind == kind for c in each.contents)]


def _given_up(wanted: Wanted, disk: Disk) -> bool:
    """Whether the site file has a disk wiped, by name or with all."""
    named = not set(wanted.wipe_disks).isdisjoint((*disk.by_id, *disk.by_path))
    return named or wanted.wipe_all_disks


def _named(disk: Disk) -> str:
    serial = f"serial {disk.serial}" if disk.serial else ""
    return ", ".join(part for part in (size(disk.size), disk.model, serial) if part)


def _identical_disks(report: Report) -> Iterator[Refusal]:
    """Disks of one model and size are easily taken for each other."""
    disks = sorted(report.disks, key=lambda each: each.name)
    kinds = dict.fromkeys((each.model, each.size) for each in disks if each.size)
    for kind in kinds:
        alike = [each for each in disks if (each.model, each.size) == kind]
        if len(alike) > 1:
            names = ", ".join(each.name for each in alike)
            told = f"{names} are alike ({_named_kind(alike[0])})"
            apart = all(_told_apart(one, other) for one, other in combinations(alike, 2))
            how = "only their serial number or path tells them apart"
            none = "and no by-id name tells them apart: name one by /dev/disk/by-path/…"
            yield Refusal(Code.IDENTICAL_DISKS, f"{told}: {how}" if apart else f"{told}, {none}")


def _named_kind(disk: Disk) -> str:
    return ", ".join(part for part in (disk.model, size(disk.size)) if part)


def _told_apart(one: Disk, other: Disk) -> bool:
    return bool(set(one.by_id) - set(other.by_id) and set(other.by_id) - set(one.by_id))


def _no_link(report: Report) -> Iterator[Refusal]:
    unplugged = [nic for nic in report.nics if not nic.link]
    if unplugged:
        names = ", ".join(_nic_text(nic) for nic in sorted(unplugged, key=lambda nic: nic.name))
        yield Refusal(Code.NO_LINK, f"without link: {names}")


def _nic_text(nic: Nic) -> str:
    return f"{nic.name} ({nic.mac})"


def _clock_off(found: Found) -> Iterator[Refusal]:
    if not (found.at and found.report.clock):
        return
    offset = found.report.clock - found.at
    if abs(offset) > CLOCK_SLACK:
        way = "ahead" if offset > 0 else "behind"
        yield Refusal(Code.CLOCK, f"its clock is {duration(abs(offset))} {way}")


def _gib(octets: int) -> str:
    return f"{octets / GIB:.1f}".removesuffix(".0") + "G"
