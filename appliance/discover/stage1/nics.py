"""The network cards: what they are, whether they have link."""

from __future__ import annotations

import os
from typing import Any

from . import udev
from .files import clean, names, number, octets, target, text

MAX_NICS = 64
_ETHERNET = 1
_NONE = "00:00:00:00:00:00"

Facts = dict[str, Any]


def present(root: str) -> list[str]:
    """Name the network cards: Ethernet, with hardware behind them."""
    folder = f"{root}/sys/class/net"
    return [
        name
        for name in names(folder)
        if number(folder, name, "type") == _ETHERNET
        and os.path.exists(f"{folder}/{name}/device")
        and mac(root, name) not in {"", _NONE}
    ][:MAX_NICS]


def mac(root: str, name: str) -> str:
    """Give a card's address, as 52:54:00:12:34:56."""
    return text(root, "sys/class/net", name, "address").lower()


def link(root: str, name: str) -> bool:
    """Whether there is link. A card that is down cannot say it."""
    return octets(f"{root}/sys/class/net/{name}/carrier").strip() == b"1"


def gather(root: str) -> list[Facts]:
    """Describe every card, without its LLDP neighbour and without its model's name."""
    return [
        {
            "name": clean(name),
            "mac": mac(root, name),
            "driver": target(f"{root}/sys/class/net/{name}/device/driver"),
            "model": "",
            "link": link(root, name),
            "speed": number(root, "sys/class/net", name, "speed"),
            "lldp": None,
        }
        for name in present(root)
    ]


def slot(root: str, name: str) -> str:
    """Give the PCI slot that a card sits in (its name in /sys/bus/pci/devices), if in any."""
    place = os.path.realpath(f"{root}/sys/class/net/{name}/device")
    while len(place) > 1:
        found = os.path.basename(place)
        if os.path.exists(f"{root}/sys/bus/pci/devices/{found}"):
            return found
        place = os.path.dirname(place)
    return ""


def named_by_udev(root: str, name: str) -> bool:
    """Whether udev is done with a card, so that its name stays what it is."""
    return udev.of_network(root, f"{root}/sys/class/net/{name}").done
