"""A report in words: one line for a list, pairs of label and text for one machine. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from appliance.discover.disk_choice import TABLES
from appliance.discover.report import Disk, Nic, Report
from appliance.tools.words import size

_DISPLAY, _CO_PROCESSOR = 0x03, 0x12
"""PCI base classes of graphics cards and accelerators (PCI Code and ID Assignment)."""

_SAID_DISKS = 16
_SAID_CONTENTS = 6
"""What an event or a line of a list holds of a report, which may have 256 of each."""

Facts = tuple[tuple[str, str], ...]


def headline(report: Report) -> str:
    """Say what a machine is: maker, model, serial number, threads, memory."""
    model = " ".join(each for each in (report.vendor, report.product) if each)
    return ", ".join(
        each
        for each in (
            model or "a machine without a name",
            f"serial {report.serial}" if report.serial else "",
            f"{report.threads} threads" if report.threads else "",
            f"{size(report.memory)} of memory" if report.memory else "",
        )
        if each
    )


def disks_line(report: Report) -> str:
    """Say all disks, each with its size and what is on it."""
    if not report.disks:
        return "no disk"
    said = [f"{each.name} {size(each.size)}, {holds(each)}" for each in report.disks[:_SAID_DISKS]]
    more = len(report.disks) - len(said)
    return "; ".join([*said, f"and {more} more disks"] if more else said)


def holds(disk: Disk) -> str:
    """Say what is on a disk: an installed system by its name, else file systems, else nothing."""
    if disk.problem:
        return disk.problem
    systems = [each.system for each in disk.contents if each.system]
    if systems:
        return f"holds {_few(systems)}"
    found = [
        f"{each.kind} '{each.label}'" if each.label else each.kind
        for each in disk.contents
        if each.kind and each.kind not in TABLES
    ]
    if found:
        return f"holds {_few(found)}"
    if disk.contents:
        return "an empty partition table"
    return "blank"


def _few(words: Iterable[str]) -> str:
    each_once = list(dict.fromkeys(words))
    more = len(each_once) - _SAID_CONTENTS
    return ", ".join(each_once[:_SAID_CONTENTS]) + (f" and {more} more" if more > 0 else "")


def facts(report: Report) -> Facts:
    """Give all of a report that people read, as pairs of label and text."""
    return tuple((label, text) for label, text in _all_facts(report) if text)


def _all_facts(report: Report) -> Iterator[tuple[str, str]]:
    yield "model", " ".join(each for each in (report.vendor, report.product) if each)
    yield "serial", report.serial
    yield "board serial", report.board_serial
    yield "UUID", str(report.uuid or "")
    yield "firmware", _firmware(report)
    yield "TPM", report.tpm or "none"
    yield "processor", _processor(report)
    yield "memory", size(report.memory) if report.memory else ""
    for disk in report.disks:
        yield f"disk {disk.name}", _disk(disk)
    if not report.disks:
        yield "disks", "none"
    for nic in report.nics:
        yield f"card {nic.name}", _nic(nic)
    for each in report.pci:
        if each.class_code >> 16 in (_DISPLAY, _CO_PROCESSOR):
            name = each.name or f"{each.vendor:04x}:{each.device:04x}"
            yield f"PCI {each.slot}", name
    others = [each.name or f"{each.vendor:04x}:{each.product:04x}" for each in report.usb]
    yield "USB", ", ".join(others)
    for problem in report.problems:
        yield "not found out", problem
    yield "not installed", report.failed


def _firmware(report: Report) -> str:
    kind = {"uefi": "UEFI", "bios": "BIOS"}.get(report.firmware, "")
    secure = {True: "Secure Boot on", False: "Secure Boot off", None: ""}[report.secure_boot]
    return ", ".join(each for each in (kind, report.bios_version, secure) if each)


def _processor(report: Report) -> str:
    counts = (
        (report.sockets, "socket"),
        (report.cores, "core"),
        (report.threads, "thread"),
    )
    numbers = [f"{count} {unit}{'s' if count != 1 else ''}" for count, unit in counts if count]
    return ", ".join(each for each in (report.cpu_model, *numbers) if each)


def _disk(disk: Disk) -> str:
    kind = "rotating" if disk.rotational else ""
    flags = ("removable" if disk.removable else "", "read-only" if disk.read_only else "")
    serial = f"serial {disk.serial}" if disk.serial else ""
    name = next(iter((*disk.by_id, *disk.by_path)), "")
    parts = (size(disk.size), disk.model, serial, disk.bus, kind, *flags, holds(disk), name)
    return ", ".join(each for each in parts if each)


def _nic(nic: Nic) -> str:
    link = f"link {nic.speed} Mbit/s" if nic.speed else "link"
    parts = [str(nic.mac), nic.model, nic.driver, link if nic.link else "no link"]
    if nic.lldp is not None:
        switch = nic.lldp.system or nic.lldp.chassis
        parts.append(f"at {switch}, port {nic.lldp.port or nic.lldp.description}")
    return ", ".join(each for each in parts if each)
