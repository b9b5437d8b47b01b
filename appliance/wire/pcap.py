"""Classic pcap files of Ethernet, and the UDP datagrams inside.

Sources: the pcap format (draft-ietf-opsawg-pcap), RFC 791, RFC 768.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire.reader import Reader

_NANO, _MICRO = 0xA1B23C4D, 0xA1B2C3D4
_ETHERNET_LINK = 1
_SNAP = 262144
_IPV4, _VLAN, _UDP = 0x0800, 0x8100, 17
_ETHERNET = struct.Struct("!6s6sH")
_IP = struct.Struct("!BBHHHBBH4s4s")
_UDP_HEADER = struct.Struct("!HHHH")
_DONT_FRAGMENT = 0x4000


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
    order, scale = _byte_order(raw)
    reader = Reader(raw, "capture file")
    header = struct.unpack(order + "IHHiIII", reader.take(24))
    # Above the low 16 bits are the length of a frame check sequence and its flag.
    if header[6] & 0xFFFF != _ETHERNET_LINK:
        raise WireError(f"a capture of link type {header[6]}", fix="capture on an Ethernet device")
    record = struct.Struct(order + "IIII")
    frames = []
    while reader.remaining:
        seconds, fraction, kept, _ = record.unpack(reader.take(record.size))
        frames.append(Frame(seconds * 1_000_000_000 + fraction * scale, reader.take(kept)))
    return frames


def _byte_order(raw: bytes) -> tuple[str, int]:
    """Tell the byte order, and the nanoseconds that one count of the fraction means."""
    for order in "<>":
        magic = raw[:4]
        if magic == struct.pack(order + "I", _MICRO):
            return order, 1000
        if magic == struct.pack(order + "I", _NANO):
            return order, 1
    raise WireError("not a classic pcap file", fix="convert pcapng with editcap -F pcap")


def write(frames: Iterable[Frame]) -> bytes:
    """Write a capture file with nanosecond times."""
    parts = [struct.pack("<IHHiIII", _NANO, 2, 4, 0, 0, _SNAP, _ETHERNET_LINK)]
    for frame in frames:
        seconds, nanoseconds = divmod(frame.at, 1_000_000_000)
        size = len(frame.data)
        parts.append(struct.pack("<IIII", seconds & 0xFFFFFFFF, nanoseconds, size, size))
        parts.append(frame.data)
    return b"".join(parts)


def udp_of(frame: Frame) -> UdpDatagram | None:
    """Give the datagram in a frame; None when it holds something else or a fragment.

    One VLAN tag is passed over. Checksums are not judged: captures on the sender have none yet.
    Raises WireError when the frame claims UDP but is cut.
    """
    reader = Reader(frame.data, "Ethernet frame")
    if reader.remaining < _ETHERNET.size:
        return None
    dst_mac, src_mac, kind = _ETHERNET.unpack(reader.take(_ETHERNET.size))
    if kind == _VLAN:
        reader.skip(2)
        kind = reader.uint16()
    if kind != _IPV4:
        return None
    head = _IP.unpack(reader.take(_IP.size))
    size, fragment, protocol = head[2], head[4] & 0x3FFF, head[6]
    if head[0] >> 4 != 4 or protocol != _UDP or fragment:
        return None
    options = (head[0] & 0xF) * 4 - _IP.size
    if options < 0 or size < _IP.size + options:
        raise WireError("an IPv4 header that contradicts itself", where="Ethernet frame")
    reader.skip(options)
    packet = Reader(reader.take(size - _IP.size - options), "UDP datagram")
    sport, dport, length, _ = _UDP_HEADER.unpack(packet.take(_UDP_HEADER.size))
    payload = packet.take(length - _UDP_HEADER.size)
    return UdpDatagram(
        IPv4Address(head[8]),
        sport,
        IPv4Address(head[9]),
        dport,
        payload,
        Mac.from_bytes(src_mac),
        Mac.from_bytes(dst_mac),
    )


def udp_frame(datagram: UdpDatagram, *, ttl: int = 64, identification: int = 0) -> bytes:
    """Build the Ethernet frame of a datagram, with the IPv4 and UDP checksums.

    For a client that has no address yet and cannot answer ARP (RFC 2131, 4.1).
    Raises WireError when the payload does not fit an IPv4 packet.
    """
    length = _UDP_HEADER.size + len(datagram.payload)
    if length + _IP.size > 0xFFFF:
        raise WireError("a UDP payload too long for IPv4", why=f"{len(datagram.payload)} octets")
    src, dst = datagram.src.packed, datagram.dst.packed
    pseudo = src + dst + struct.pack("!HH", _UDP, length)
    ports = (datagram.sport, datagram.dport, length)
    bare = _UDP_HEADER.pack(*ports, 0)
    # RFC 768: a sum of zero is sent as all ones, since zero means that there is none.
    summed = _checksum(pseudo + bare + datagram.payload) or 0xFFFF
    fields = (0x45, 0, _IP.size + length, identification, _DONT_FRAGMENT, ttl, _UDP)
    header = _IP.pack(*fields, _checksum(_IP.pack(*fields, 0, src, dst)), src, dst)
    return b"".join(
        (
            _ETHERNET.pack(datagram.dst_mac.to_bytes(), datagram.src_mac.to_bytes(), _IPV4),
            header,
            _UDP_HEADER.pack(*ports, summed),
            datagram.payload,
        )
    )


def _checksum(raw: bytes) -> int:
    """Give the Internet checksum (RFC 1071): one's complement addition is addition modulo 65535."""
    padded = raw + b"\0" if len(raw) % 2 else raw
    total = int.from_bytes(padded, "big") % 0xFFFF
    return 0xFFFF - total if total else 0
