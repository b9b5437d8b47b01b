"""Which MAC the kernel knows for an address on the provisioning interface (ARP)."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

from appliance.values import Mac

ARP_TABLE = Path("/proc/net/arp")


def neighbour(address: IPv4Address, interface: str, *, table: Path = ARP_TABLE) -> Mac | None:
    """Look an address up in the kernel's table; None if it is not there or not complete."""
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return None
    wanted = str(address)
    for line in lines:
        fields = line.split()
        # IP address, HW type, Flags, HW address, Mask, Device (proc(5)); flag 2: complete.
        if len(fields) == 6 and fields[0] == wanted and fields[5] == interface:
            return _mac(fields[3]) if int(fields[2], 16) & 2 else None
    return None


def _mac(text: str) -> Mac | None:
    try:
        return Mac.parse(text)
    except ValueError:
        return None
