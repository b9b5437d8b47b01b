"""LLDP frames (IEEE 802.1AB): which port of which switch a card is plugged into.

A frame comes from whoever is on the wire: garbage is None, never an exception.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from .files import clean

ETHERTYPE = 0x88CC
ADDRESS = bytes.fromhex("0180c200000e")
"""Nearest bridge: no switch passes frames to it on (7.1)."""
_HEADER = 14
_END, _CHASSIS, _PORT, _PORT_TEXT, _SYSTEM, _SYSTEM_TEXT = 0, 1, 2, 4, 5, 6
_CHASSIS_MAC, _PORT_MAC = 4, 3
_CHASSIS_NETWORK, _PORT_NETWORK = 5, 4
_IPV4, _IPV6 = 1, 2  # IANA address family numbers

Neighbour = dict[str, str]


def decode(frame: bytes) -> Neighbour | None:
    """Give chassis, port, system (its name) and description (the port's, else the system's)."""
    if len(frame) < _HEADER or frame[12:14] != ETHERTYPE.to_bytes(2, "big"):
        return None
    said: dict[int, bytes] = {}
    for kind, value in _elements(frame[_HEADER:]):
        said.setdefault(kind, value)
    chassis = _identity(said.get(_CHASSIS, b""), _CHASSIS_MAC, _CHASSIS_NETWORK)
    port = _identity(said.get(_PORT, b""), _PORT_MAC, _PORT_NETWORK)
    if not chassis or not port:
        return None
    return {
        "chassis": chassis,
        "port": port,
        "system": _text(said.get(_SYSTEM, b"")),
        "description": _text(said.get(_PORT_TEXT, b"")) or _text(said.get(_SYSTEM_TEXT, b"")),
    }


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Give each TLV: 7 bits of type, 9 bits of length (8.4). Stops at the first that is cut."""
    at = 0
    while at + 2 <= len(data):
        head = int.from_bytes(data[at : at + 2], "big")
        kind, length = head >> 9, head & 0x1FF
        if kind == _END or at + 2 + length > len(data):
            return
        yield kind, data[at + 2 : at + 2 + length]
        at += 2 + length


def _identity(value: bytes, mac: int, network: int) -> str:
    """Read a chassis or port identity: its first octet says what it is (8.5.2, 8.5.3)."""
    if len(value) < 2:
        return ""
    kind, rest = value[0], value[1:]
    if kind == mac:
        return rest.hex(":") if len(rest) == 6 else ""
    if kind == network:
        return _address(rest)
    return _text(rest)


def _address(value: bytes) -> str:
    if (value[0], len(value)) in {(_IPV4, 5), (_IPV6, 17)}:
        return str(ipaddress.ip_address(value[1:]))
    return value.hex()


def _text(value: bytes) -> str:
    return clean(value.decode("utf-8", "replace"))
