"""Capture files are read and written, and UDP frames are built with sound checksums."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire.pcap import Frame, UdpDatagram, read, udp_frame, udp_of, write

OFFER = UdpDatagram(
    IPv4Address("10.20.0.5"),
    67,
    IPv4Address("10.20.0.50"),
    68,
    b"offer",
    Mac.parse("52:54:00:00:00:01"),
    Mac.parse("52:54:00:12:34:56"),
)
FRAMES = [Frame(1_795_193_925_023_381_001, b"first"), Frame(1_795_193_926_000_000_000, b"")]


def words(raw: bytes) -> int:
    """The one's complement sum of RFC 1071, word by word: 0xFFFF when a checksum holds."""
    total: int = sum(struct.unpack(f"!{len(raw) // 2}H", raw[: len(raw) // 2 * 2]))
    total += raw[-1] << 8 if len(raw) % 2 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def test_what_is_written_is_read() -> None:
    """To the nanosecond."""
    assert read(write(FRAMES)) == FRAMES
    assert read(write([])) == []
    assert write([]) == bytes.fromhex("4d3cb2a1 0200 0400 00000000 00000000 00000400 01000000")


@pytest.mark.parametrize(
    ("order", "magic", "at"),
    [("<", 0xA1B2C3D4, 5000), (">", 0xA1B2C3D4, 5000), (">", 0xA1B23C4D, 5)],
)
def test_both_byte_orders_and_resolutions_are_read(order: str, magic: int, at: int) -> None:
    """As tcpdump writes them on different machines."""
    raw = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, 1)
    raw += struct.pack(order + "IIII", 1, 5, 2, 60) + b"ab"

    assert read(raw) == [Frame(1_000_000_000 + at, b"ab")]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x0a\x0d\x0d\x0a" + bytes(40),
        write([])[:-1],
        write(FRAMES)[:-17],
        write(FRAMES)[:-1],
        write([])[:20] + b"\x65\0\0\0",
    ],
)
def test_a_damaged_or_foreign_file_is_refused(raw: bytes) -> None:
    """Not pcap, cut, or not of Ethernet."""
    with pytest.raises(WireError):
        read(raw)


def test_a_frame_is_read_as_it_was_built() -> None:
    """Addresses, ports, payload and both MACs."""
    assert udp_of(Frame(0, udp_frame(OFFER))) == OFFER


def test_a_frame_has_the_headers_of_the_rfcs() -> None:
    """Checked by hand: RFC 894, RFC 791, RFC 768."""
    raw = udp_frame(OFFER, ttl=16, identification=0x1234)

    assert raw[:14] == bytes.fromhex("525400123456 525400000001 0800")
    assert raw[14:24] == bytes.fromhex("45 00 0021 1234 4000 10 11")
    assert raw[26:34] == bytes.fromhex("0a140005 0a140032")
    assert raw[34:40] == bytes.fromhex("0043 0044 000d")
    assert raw[42:] == b"offer"


@given(st.binary(max_size=64), st.integers(0, 0xFFFF))
def test_the_checksums_hold(payload: bytes, identification: int) -> None:
    """The sum over header and checksum is all ones; the UDP checksum is never zero."""
    datagram = UdpDatagram(OFFER.src, 67, OFFER.dst, 68, payload, OFFER.src_mac, OFFER.dst_mac)
    raw = udp_frame(datagram, identification=identification)
    pseudo = raw[26:34] + struct.pack("!HH", 17, len(raw) - 34)

    assert words(raw[14:34]) == 0xFFFF
    assert words(pseudo + raw[34:]) == 0xFFFF
    assert raw[40:42] != b"\0\0"


def test_a_udp_checksum_of_zero_is_sent_as_ones() -> None:
    """RFC 768: zero would mean that there is none."""
    first = udp_frame(
        UdpDatagram(OFFER.src, 67, OFFER.dst, 68, b"\0\0", OFFER.src_mac, OFFER.dst_mac)
    )
    payload = first[40:42]  # adding the complement of the sum makes the sum all ones
    raw = udp_frame(
        UdpDatagram(OFFER.src, 67, OFFER.dst, 68, payload, OFFER.src_mac, OFFER.dst_mac)
    )

    assert raw[40:42] == b"\xff\xff"


def test_a_vlan_tag_is_passed_over() -> None:
    """A capture on a trunk port."""
    raw = udp_frame(OFFER)

    assert udp_of(Frame(0, raw[:12] + b"\x81\0\0\x14" + raw[12:])) == OFFER


def test_ip_options_are_passed_over() -> None:
    """Router alert and the like stand between the IP header and UDP (RFC 791, 3.1)."""
    raw = bytearray(udp_frame(OFFER))
    raw[14] = 0x46
    raw[17] += 4

    assert udp_of(Frame(0, bytes(raw[:34] + b"\x94\x04\0\0" + raw[34:]))) == OFFER


def test_padding_after_the_packet_is_no_payload() -> None:
    """Short Ethernet frames are padded to 60 octets."""
    assert udp_of(Frame(0, udp_frame(OFFER).ljust(60, b"\0"))) == OFFER


@pytest.mark.parametrize(
    ("at", "octets"),
    [(12, b"\x08\x06"), (14, b"\x65"), (20, b"\x20\0"), (20, b"\0\x01"), (23, b"\x06")],
)
def test_other_frames_are_none(at: int, octets: bytes) -> None:
    """ARP, another IP version, fragments, TCP."""
    raw = bytearray(udp_frame(OFFER))
    raw[at : at + len(octets)] = octets

    assert udp_of(Frame(0, bytes(raw))) is None
    assert udp_of(Frame(0, b"short")) is None


@pytest.mark.parametrize(
    ("at", "octets"),
    [(14, b"\x44"), (16, b"\0\x10"), (16, b"\xff\xff"), (38, b"\0\x07"), (38, b"\xff\xff")],
)
def test_lengths_that_contradict_are_refused(at: int, octets: bytes) -> None:
    """Header, packet and datagram lengths each lie within the one outside."""
    raw = bytearray(udp_frame(OFFER))
    raw[at : at + len(octets)] = octets

    with pytest.raises(WireError):
        udp_of(Frame(0, bytes(raw)))


def test_a_payload_too_long_for_ipv4_is_refused() -> None:
    """65507 octets is the most."""
    src, dst = OFFER.src_mac, OFFER.dst_mac
    longest = UdpDatagram(OFFER.src, 1, OFFER.dst, 2, bytes(65507), src, dst)

    assert len(udp_frame(longest)) == 14 + 65535
    with pytest.raises(WireError):
        udp_frame(UdpDatagram(OFFER.src, 1, OFFER.dst, 2, bytes(65508), src, dst))
