"""The disks and what udev's blkid says is on them. Nothing here opens a disk."""

from __future__ import annotations

import os
import re
from typing import Any

from . import udev
from .files import clean, names, number, text

SECTOR = 512
"""Octets: /sys counts in these, whatever the disk's own sectors are."""
UNKNOWN = "unknown"
"""The kind of what is there and libblkid has no name for."""
MAX_DISKS = 256
MAX_CONTENTS = 256
MAX_LINKS = 64
_DISK = re.compile(r"(sd[a-z]+|vd[a-z]+|xvd[a-z]+|nvme\d+n\d+|mmcblk\d+|pmem\d+|cciss!c\d+d\d+)")
_UNFINISHED = "udev was not done with it: it answers slowly or not at all"
_BY_PLACE = (
    ("/usb", "usb"),
    ("/nvme/", "nvme"),
    ("/virtio", "virtio"),
    ("/ata", "sata"),
    ("/end_device-", "sas"),
    ("/session", "iscsi"),
    ("/rport-", "fc"),
)

Facts = dict[str, Any]


def present(root: str) -> list[str]:
    """Name the disks: no CD drive, no RAM disk, no second path of an NVMe disk."""
    folder = f"{root}/sys/block"
    return [
        name
        for name in names(folder)
        if _DISK.fullmatch(name)
        and not number(folder, name, "hidden")
        and (number(folder, name, "size") or not number(folder, name, "removable"))
    ][:MAX_DISKS]


def settled(root: str) -> list[tuple[str, bool]]:
    """Name the disks, each with whether udev is done with it: another list is worth a new look."""
    return [(name, udev.of_block(root, f"{root}/sys/block/{name}").done) for name in present(root)]


def unknown(root: str, name: str) -> Facts:
    """Describe a disk that does not answer: its name and its size, which the kernel knows."""
    return {
        "name": clean(name),
        "size": number(root, "sys/block", name, "size") * SECTOR,
        "by_id": [],
        "by_path": [],
        "model": "",
        "serial": "",
        "wwn": "",
        "bus": "",
        "rotational": False,
        "removable": False,
        "read_only": False,
        "contents": [],
        "problem": "",
    }


def describe(root: str, name: str) -> Facts:
    """Describe one disk, with what udev found on it and on its partitions. May hang with it."""
    folder = f"{root}/sys/block/{name}"
    device = udev.of_block(root, folder)
    return {
        "name": clean(name),
        "size": number(folder, "size") * SECTOR,
        "by_id": _links(device, "disk/by-id/"),
        "by_path": _links(device, "disk/by-path/"),
        "model": text(folder, "device/model") or clean(device.get("ID_MODEL")),
        "serial": _serial(folder, device),
        "wwn": clean(device.get("ID_WWN_WITH_EXTENSION", "ID_WWN")),
        "bus": bus(folder, name),
        "rotational": number(folder, "queue/rotational") == 1,
        "removable": number(folder, "removable") == 1,
        "read_only": number(folder, "ro") == 1,
        "contents": contents(root, name, device),
        "problem": _problem(folder, device),
    }


def partitions(root: str, name: str) -> list[str]:
    """Name a disk's partitions, in the order of their numbers."""
    folder = f"{root}/sys/block/{name}"
    found = [each for each in names(folder) if number(folder, each, "partition")]
    return sorted(found, key=lambda each: number(folder, each, "partition"))


def contents(root: str, name: str, device: udev.Device) -> list[Facts]:
    """Say what is on the whole disk and on each partition: libblkid's kinds and labels."""
    folder = f"{root}/sys/block/{name}"
    size = number(folder, "size") * SECTOR
    found = []
    for kind in (device.get("ID_PART_TABLE_TYPE"), device.get("ID_FS_TYPE")):
        if kind:
            found.append(_content("", kind, device, size))
    for partition in partitions(root, name):
        inside = udev.of_block(root, f"{folder}/{partition}")
        octets = number(folder, partition, "size") * SECTOR
        # Somebody made this partition: what nobody recognizes in it is taken for data.
        kind = inside.get("ID_FS_TYPE", "ID_PART_TABLE_TYPE") or UNKNOWN
        found.append(_content(partition, kind, inside, octets))
    return found[:MAX_CONTENTS]


def _content(where: str, kind: str, device: udev.Device, size: int) -> Facts:
    name = device.get("ID_PART_ENTRY_NAME") if where else ""
    label = clean(device.get("ID_FS_LABEL")) or clean(_unescaped(name))
    if not where and kind == device.get("ID_PART_TABLE_TYPE"):
        label = ""
    return {"where": where, "kind": clean(kind), "label": label, "size": size, "system": ""}


def _unescaped(value: str) -> str:
    """Undo udev's escapes: backslash, x, two hex digits."""
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), value)


def bus(folder: str, name: str) -> str:
    """Name how a disk is attached, as lsblk's TRAN; "scsi" where lsblk leaves it empty."""
    if name.startswith("nvme"):
        return "nvme"
    if name.startswith("vd"):
        return "virtio"
    if name.startswith("mmcblk"):
        return "mmc"
    place = os.path.realpath(folder)
    if name.startswith("sd") and "/virtio" in place:
        return "scsi"
    return next((meaning for mark, meaning in _BY_PLACE if mark in place), "scsi")


def _links(device: udev.Device, prefix: str) -> list[str]:
    """Give whole paths, never a changed one: cut or cleaned, it would name another disk."""
    found = [f"/dev/{link}" for link in device.links if link.startswith(prefix)]
    return [path for path in found if clean(path) == path][:MAX_LINKS]


def _serial(folder: str, device: udev.Device) -> str:
    said = device.get("ID_SCSI_SERIAL", "ID_SERIAL_SHORT")
    own = text(folder, "serial") or text(folder, "device/serial")
    return clean(said) or own or clean(device.get("ID_SERIAL"))


def _problem(folder: str, device: udev.Device) -> str:
    if not number(folder, "size"):
        return "it says that it has no size"
    return "" if device.done else _UNFINISHED
