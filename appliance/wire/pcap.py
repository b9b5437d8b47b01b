"""Classic pcap files of Ethernet, and the UDP datagrams inside.

Sources: the pcap format (draft-ietf-opsawg-pcap), RFC 791, RFC 768.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.values import Mac


@dataclass(frozen=True, slots=True)
class Frame:
    """One captured frame: nanoseconds since 1970 UTC, and its octets from the Ethernet header."""

    at: int
    data: bytes


@dataclass(frozen=True, slots=True)
class UdpDatagram:
    """One UDP datagram over IPv4 over Ethernet."""

    src: IPv4Address
    sport: int
    dst: IPv4Address
    dport: int
    payload: bytes
    src_mac: Mac
    dst_mac: Mac


def read(raw: bytes) -> list[Frame]:
    """Read a capture file of either byte order and resolution. Raises WireError, nothing else."""
    raise NotImplementedError


def write(frames: Iterable[Frame]) -> bytes:
    """Write a capture file with nanosecond times."""
    raise NotImplementedError


def udp_of(frame: Frame) -> UdpDatagram | None:
    """Give the datagram in a frame; None when it holds something else or a fragment.

    One VLAN tag is passed over. Raises WireError when the frame claims UDP but is cut.
    """
    raise NotImplementedError


def udp_frame(datagram: UdpDatagram, *, ttl: int = 64, identification: int = 0) -> bytes:
    """Build the Ethernet frame of a datagram, with the IPv4 and UDP checksums.

    For a client that has no address yet and cannot answer ARP (RFC 2131, 4.1).
    Raises WireError when the payload does not fit an IPv4 packet.
    """
    raise NotImplementedError
