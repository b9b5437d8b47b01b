"""Garbage is parsed or raises WireError, nothing else: for every decoder of the wire."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire import dhcp4, dns, ntp, pcap, pxe, syslog, tftp
from appliance.wire.dhcp4_options import (
    Options,
    decode_suboptions,
    ipxe_features,
    ipxe_version,
    user_classes,
)
from appliance.wire.tftp_transfer import Finished, SendBlock, Transfer

CAPTURES = sorted((Path(__file__).parents[1] / "captures").glob("*.pcap"))
ZONE = dns.Zone(
    "alpha.lan",
    {"hv1": IPv4Address("10.20.0.11")},
    (IPv4Network("10.20.0.0/22"),),
    "bridge",
    IPv4Address("10.20.0.5"),
)


def read_dhcp(raw: bytes) -> None:
    """Decode, touch every derived value, write and read again."""
    packet = dhcp4.decode(raw)
    touch_packet(packet)
    if len(packet.file) <= dhcp4.FILE_LIMIT and len(packet.sname) <= dhcp4.SNAME_LIMIT:
        assert dhcp4.decode(dhcp4.encode(packet, max_size=65000)) == packet


def touch_packet(packet: dhcp4.Packet) -> None:
    """Build a reply for it and decide where that goes; only WireError may come."""
    reply = dhcp4.reply_to(packet, dhcp4.MessageType.NAK, options=Options())
    dhcp4.deliver_to(reply, packet)
    dhcp4.deliver_to(dataclasses.replace(reply, yiaddr=dhcp4.BROADCAST), packet)
    for derive in (lambda: packet.mac, lambda: dhcp4.reply_budget(packet)):
        quietly(derive)
    assert packet.message_type is None or packet.message_type in dhcp4.MessageType
    for code in packet.options:
        touch_option(packet.options, code)


def touch_option(options: Options, code: int) -> None:
    """Read one option in every way there is."""
    raw = options[code]
    assert (options.text(code) or "x").isprintable()
    assert all(name.isprintable() for name in user_classes(raw))
    for read in (options.address, options.addresses, options.uint8, options.uint16, options.uint32):
        quietly(partial(read, code))
    for parse in (
        decode_suboptions,
        ipxe_features,
        ipxe_version,
        pxe.parse_architectures,
        pxe.parse_machine_id,
    ):
        quietly(partial(parse, raw))


def quietly(act: Callable[[], object]) -> None:
    """Do it; a WireError is an answer."""
    try:
        act()
    except WireError:
        return


def read_tftp(raw: bytes) -> None:
    """Decode, write and read again; negotiate any read; feed a transfer with it."""
    message = tftp.decode(raw)
    assert tftp.decode(tftp.encode(message)) == message
    if isinstance(message, tftp.ReadRequest):
        agreed, oack = tftp.negotiate(message, size=5000, max_block=1468, max_window=16)
        assert 8 <= agreed.blksize <= 1468
        assert 1 <= agreed.windowsize <= 16
        assert set(oack.options if oack else {}) <= set(message.options)
        Transfer(agreed, 5000, oack).start(0.0)
    transfer = Transfer(tftp.Negotiated(8, 4), 100, tftp.OptionAck({}))
    transfer.start(0.0)
    transfer.receive(message, 0.0)


def read_dns(raw: bytes) -> None:
    """Answer it: no error at all, and never to a reply."""
    for limit in (dns.UDP_LIMIT, None):
        given_back = dns.answer(raw, ZONE, udp_limit=limit)
        if given_back.reply is not None:
            assert raw[2] < 0x80 <= given_back.reply[2]
            assert given_back.reply[:2] == raw[:2]
            assert dns.answer(given_back.reply, ZONE).reply is None


def read_ntp(raw: bytes) -> None:
    """Answer it, with no more octets than it has."""
    packet = ntp.decode(raw)
    assert ntp.encode(packet) == raw[:48]
    given_back = ntp.reply(raw, received=1.0, transmit=2.0, clock=ntp.ClockQuality())
    assert given_back is None or len(given_back) == 48 <= len(raw)


def read_frame(raw: bytes) -> None:
    """Find the datagram in it."""
    datagram = pcap.udp_of(pcap.Frame(0, raw))
    if datagram is not None:
        assert pcap.udp_of(pcap.Frame(0, pcap.udp_frame(datagram))) == datagram


def read_syslog(raw: bytes) -> None:
    """Make one visible line of it."""
    assert syslog.parse(raw).text.isprintable()


READERS: dict[str, Callable[[bytes], object]] = {
    "dhcp4": read_dhcp,
    "tftp": read_tftp,
    "dns": read_dns,
    "ntp": read_ntp,
    "frame": read_frame,
    "capture": pcap.read,
    "syslog": read_syslog,
}

DHCP_HEAD = bytes([1, 1, 6, 0]) + bytes(232) + bytes.fromhex("63825363")
NTP_HEAD = b"\x23" + bytes(47)
DNS_HEAD = b"\0\x07\x01\0\0\x01\0\0\0\0\0\0"
PCAP_HEAD = pcap.write([])
# What a guess rarely hits: the start that leads past the first check.
HEADS = {
    "dhcp4": (DHCP_HEAD, DHCP_HEAD + b"\x34\x01\x03"),
    "tftp": (b"\0\x01", b"\0\x05", b"\0\x06", b"\0\x01a\0octet\0"),
    "dns": (DNS_HEAD, DNS_HEAD[:11] + b"\x01", DNS_HEAD + b"\x03hv1\x05alpha\x03lan\0\0\x01\0\x01"),
    "ntp": (NTP_HEAD, NTP_HEAD[:1]),
    "frame": (bytes(12) + b"\x08\0\x45", bytes(12) + b"\x81\0\0\x01\x08\0\x45"),
    "capture": (PCAP_HEAD, PCAP_HEAD[:4]),
    "syslog": (b"<13>", b"<13>1 ", b"<13>Nov 21 10:00:00 "),
}


@pytest.mark.parametrize("name", READERS)
@given(data=st.data(), tail=st.binary(max_size=400))
def test_garbage_is_parsed_or_refused(name: str, data: st.DataObject, tail: bytes) -> None:
    """Any octets, bare and behind a plausible start."""
    head = data.draw(st.sampled_from((b"", *HEADS[name])))

    quietly(lambda: READERS[name](head + tail))


def payloads() -> list[tuple[str, bytes]]:
    """Every captured frame and payload, with the reader it belongs to, each kind of it once."""
    found: dict[tuple[str, bytes], bytes] = {}
    for path in CAPTURES:
        for frame in pcap.read(path.read_bytes()):
            datagram = pcap.udp_of(frame)
            if datagram is None:
                continue
            name = "dhcp4" if {datagram.sport, datagram.dport} & {67, 68} else "tftp"
            found.setdefault((name, datagram.payload[:2]), datagram.payload)
            found.setdefault(("frame", datagram.payload[:2]), frame.data)
            if name == "dhcp4":
                found[name, datagram.payload[240:300]] = datagram.payload
    return [(name, raw) for (name, _), raw in found.items()]


PAYLOADS = payloads()
edits = st.lists(st.tuples(st.integers(0, 600), st.binary(max_size=4)), min_size=1, max_size=4)


@given(st.sampled_from(PAYLOADS), edits, st.integers(0, 700))
@settings(max_examples=400)
@example(PAYLOADS[0], [(240, b"\xff")], 700)
def test_mutated_captures_are_parsed_or_refused(
    captured: tuple[str, bytes], changes: list[tuple[int, bytes]], length: int
) -> None:
    """Real packets with octets changed, and cut anywhere."""
    name, raw = captured
    mutated = bytearray(raw)
    for at, octets in changes:
        mutated[at % len(raw) : at % len(raw) + len(octets)] = octets

    quietly(lambda: READERS[name](bytes(mutated[:length])))


@pytest.mark.parametrize(("name", "raw"), PAYLOADS)
def test_captures_cut_anywhere_are_parsed_or_refused(name: str, raw: bytes) -> None:
    """Each prefix of each captured packet."""
    for length in range(len(raw)):
        quietly(partial(READERS[name], raw[:length]))


def test_the_readers_do_notice() -> None:
    """The net itself: an undeclared exception is not swallowed."""
    with pytest.raises(ZeroDivisionError):
        quietly(lambda: 1 // 0)
    assert {name for name, _ in PAYLOADS} == {"dhcp4", "tftp", "frame"}


@given(
    st.lists(
        st.one_of(
            st.integers(0, 65535).map(tftp.Ack),
            st.builds(tftp.Error, st.integers(0, 65535)),
            st.floats(0, 100),
        ),
        max_size=40,
    ),
    st.integers(0, 5000),
    st.integers(1, 20),
)
def test_a_transfer_stands_any_client(
    events: list[tftp.Ack | tftp.Error | float], size: int, window: int
) -> None:
    """Whatever is said and whenever, it ends once and asks only for octets of the file."""
    transfer = Transfer(tftp.Negotiated(512, window), size, tftp.OptionAck({}))
    now, endings = 0.0, 0
    commands = transfer.start(now)
    for event in events:
        for command in commands:
            endings += isinstance(command, Finished)
            if isinstance(command, SendBlock):
                assert 0 <= command.offset <= command.offset + command.length <= size
        if isinstance(event, float):
            now += event
            commands = transfer.tick(now)
        else:
            commands = transfer.receive(event, now)
        assert len(commands) <= max(window, 2)
    endings += sum(isinstance(command, Finished) for command in commands)
    assert endings == transfer.done
    assert (transfer.deadline is None) == transfer.done


def test_a_mac_of_the_wire_is_never_refused() -> None:
    """Any six octets can arrive as a hardware address, multicast and zero included."""
    for raw in (bytes(6), b"\xff" * 6, b"\x01\0\x5e\0\0\x01"):
        packet = dhcp4.Packet(dhcp4.Op.REQUEST, 1, raw + bytes(10))
        assert packet.mac == Mac.from_bytes(raw)
