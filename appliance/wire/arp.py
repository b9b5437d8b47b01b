"""ARP for IPv4 over Ethernet: whole frames to `Arp` and back (RFC 826, RFC 5227)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address

from appliance.errors import WireError
from appliance.values import Mac

ETHERTYPE = 0x0806
_IPV4 = 0x0800
_FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_BROADCAST = b"\xff" * 6
_NOBODY = b"\0" * 6
_MINIMUM = 60  # an Ethernet frame without its checksum


class Operation(IntEnum):
    """Who speaks (RFC 826)."""

    REQUEST = 1
    REPLY = 2


@dataclass(frozen=True, slots=True)
class Arp:
    """One ARP message. A probe has the sender address 0.0.0.0 (RFC 5227, 1.1)."""

    operation: Operation
    sender_mac: Mac
    sender: IPv4Address
    target_mac: Mac
    target: IPv4Address


def decode(frame: bytes) -> Arp:
    """Read an Ethernet frame that holds ARP. Raises WireError, and nothing else."""
    if len(frame) < _FRAME.size:
        raise WireError("ARP frame is cut short", why=f"{len(frame)} octets")
    fields = _FRAME.unpack_from(frame)
    kind, hardware, protocol, hardware_size, protocol_size, operation = fields[2:8]
    if (kind, hardware, protocol, hardware_size, protocol_size) != (ETHERTYPE, 1, _IPV4, 6, 4):
        raise WireError("frame is not ARP for IPv4 over Ethernet")
    if operation not in (Operation.REQUEST, Operation.REPLY):
        raise WireError("ARP operation is unknown", why=str(operation))
    return Arp(
        operation=Operation(operation),
        sender_mac=Mac.from_bytes(fields[8]),
        sender=IPv4Address(fields[9]),
        target_mac=Mac.from_bytes(fields[10]),
        target=IPv4Address(fields[11]),
    )


def probe(sender_mac: Mac, target: IPv4Address) -> bytes:
    """Build the frame that asks who has `target` without claiming an address (RFC 5227, 2.1.1)."""
    frame = _FRAME.pack(
        _BROADCAST,
        sender_mac.to_bytes(),
        ETHERTYPE,
        1,
        _IPV4,
        6,
        4,
        Operation.REQUEST,
        sender_mac.to_bytes(),
        bytes(4),
        _NOBODY,
        target.packed,
    )
    return frame.ljust(_MINIMUM, b"\0")
