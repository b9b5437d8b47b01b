"""PCI functions and USB devices, with their names out of a list that the image carries."""

from __future__ import annotations

import os
from typing import Any

from .files import clean, names, number, target, text

NAMES = "usr/share/hardware.names"
"""Sorted lines: `8086 Intel Corporation`, `8086 1533 I210`, each after `pci ` or `usb `."""
MAX_PCI = 512
MAX_USB = 128
_ROOT_HUB = 0x1D6B
"""The Linux Foundation's: what the kernel shows for a controller itself."""


def gather(root: str) -> dict[str, Any]:
    """Give `pci` and `usb`."""
    pci, usb = pci_functions(root), usb_devices(root)
    wanted = {("pci", each["vendor"], each["device"]) for each in pci}
    wanted |= {("usb", each["vendor"], each["product"]) for each in usb}
    known = look_up(os.path.join(root, NAMES), wanted)
    for each in pci:
        each["name"] = known.get(("pci", each["vendor"], each["device"]), "")
    for each in usb:
        each["name"] = each["name"] or known.get(("usb", each["vendor"], each["product"]), "")
    return {"pci": pci, "usb": usb}


def pci_functions(root: str) -> list[dict[str, Any]]:
    """List /sys/bus/pci/devices."""
    folder = f"{root}/sys/bus/pci/devices"
    return [
        {
            "slot": clean(slot),
            "vendor": number(folder, slot, "vendor", base=16) & 0xFFFF,
            "device": number(folder, slot, "device", base=16) & 0xFFFF,
            "class_code": number(folder, slot, "class", base=16) & 0xFFFFFF,
            "driver": target(f"{folder}/{slot}/driver"),
        }
        for slot in names(folder)[:MAX_PCI]
    ]


def usb_devices(root: str) -> list[dict[str, Any]]:
    """List /sys/bus/usb/devices: whole devices, no interfaces, no root hubs."""
    folder = f"{root}/sys/bus/usb/devices"
    found = []
    for name in names(folder):
        vendor = number(folder, name, "idVendor", base=16) & 0xFFFF
        if not vendor or vendor == _ROOT_HUB:
            continue
        said = f"{text(folder, name, 'manufacturer')} {text(folder, name, 'product')}"
        product = number(folder, name, "idProduct", base=16) & 0xFFFF
        found.append({"vendor": vendor, "product": product, "name": clean(said)})
    return found[:MAX_USB]


def look_up(path: str, wanted: set[tuple[str, int, int]]) -> dict[tuple[str, int, int], str]:
    """Find the names of these (bus, vendor, device) in the list; `Vendor Device`, or the vendor."""
    keys = {f"{bus} {vendor:04x}" for bus, vendor, _ in wanted}
    keys |= {f"{bus} {vendor:04x} {device:04x}" for bus, vendor, device in wanted}
    found = {}
    try:
        with open(path, encoding="utf-8", errors="replace") as opened:
            for line in opened:
                key, _, name = line.partition("\t")
                if key in keys:
                    found[key] = name.strip()
    except OSError:
        return {}
    return {
        (bus, vendor, device): clean(
            f"{found.get(f'{bus} {vendor:04x}', '')} "
            f"{found.get(f'{bus} {vendor:04x} {device:04x}', '')}"
        )
        for bus, vendor, device in wanted
    }
