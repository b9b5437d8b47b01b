"""Addresses: BusyBox's udhcpc on each card, and what it noted of its lease."""

from __future__ import annotations

import os
import subprocess
from typing import NamedTuple

from .files import octets

VENDOR_CLASS = "bridgehead-stage1"
LEASES = "/run/lease"
_SCRIPT = "/usr/lib/stage1-lease"


class Lease(NamedTuple):
    """An address on a card, and the addresses at which a bridge may be."""

    card: str
    address: str
    servers: tuple[str, ...]


def start(card: str) -> subprocess.Popen[bytes]:
    """Ask for an address on a card until there is one, and keep it.

    Without a client identifier (-C), so that the lease is that of the card's own firmware.
    """
    return subprocess.Popen(
        [
            *("udhcpc", "-f", "-i", card, "-C", "-V", VENDOR_CLASS),
            *("-t", "3", "-T", "2", "-A", "3", "-s", _SCRIPT),
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def lease(card: str, folder: str = LEASES) -> Lease | None:
    """Give what was noted of a card's lease; None while it has none."""
    said = {}
    for line in octets(os.path.join(folder, card)).decode("ascii", "replace").splitlines():
        key, _, value = line.partition("=")
        said[key] = value.strip()
    if not said.get("ip"):
        return None
    servers = dict.fromkeys(filter(None, (said.get("serverid"), said.get("siaddr"))))
    return Lease(card, said["ip"], tuple(servers))
