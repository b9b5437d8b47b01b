"""DHCP messages survive both ways, long options are split and joined, replies find their client."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire.dhcp4 import (
    BROADCAST,
    BROADCAST_FLAG,
    FILE_LIMIT,
    UNSPECIFIED,
    Delivery,
    Destination,
    MessageType,
    Op,
    Packet,
    decode,
    deliver_to,
    encode,
    reply_budget,
    reply_to,
)
from appliance.wire.dhcp4_options import OptionCode, Options, of_uint16, of_uint32

MAC = Mac.parse("52:54:00:12:34:56")
CHADDR = MAC.to_bytes() + bytes(10)
OFFERED = IPv4Address("10.20.0.50")
RELAY = IPv4Address("10.30.0.1")
FIXED = 240


def discover(**changes: object) -> Packet:
    """A DISCOVER such as PXE firmware sends."""
    packet = Packet(
        op=Op.REQUEST,
        xid=0x12345678,
        chaddr=CHADDR,
        secs=4,
        flags=BROADCAST_FLAG,
        options=Options({53: b"\x01", 97: b"\0" + bytes(range(16)), 60: b"PXEClient"}),
    )
    return replace(packet, **changes)  # type: ignore[arg-type]


def nak(request: Packet) -> Packet:
    """The refusal of a request."""
    return reply_to(request, MessageType.NAK, options=Options())


def offer(request: Packet, **changes: object) -> Packet:
    """An OFFER of the address above."""
    made = reply_to(request, MessageType.OFFER, options=Options(), yiaddr=OFFERED)
    return replace(made, **changes)  # type: ignore[arg-type]


def test_every_field_survives_writing_and_reading() -> None:
    """Decode is the inverse of encode, field by field."""
    packet = Packet(
        op=Op.REPLY,
        xid=0xDEADBEEF,
        chaddr=CHADDR,
        hops=2,
        secs=513,
        flags=0x8000,
        ciaddr=IPv4Address("10.0.0.1"),
        yiaddr=IPv4Address("10.0.0.2"),
        siaddr=IPv4Address("10.0.0.3"),
        giaddr=IPv4Address("10.0.0.4"),
        sname=b"bridge",
        file=b"snponly.efi",
        options=Options({53: b"\x05", 51: of_uint32(3600)}),
    )

    assert decode(encode(packet)) == packet


def test_the_bytes_are_those_of_rfc_2131_figure_1() -> None:
    """The layout is checked by hand once, so that encode and decode cannot err together."""
    raw = encode(discover(giaddr=RELAY, file=b"f"), min_size=0)

    assert raw[:12] == bytes.fromhex("01 01 06 00 12345678 0004 8000")
    assert raw[24:28] == RELAY.packed
    assert raw[28:44] == CHADDR
    assert raw[108:110] == b"f\0"
    assert raw[236:243] == bytes.fromhex("63825363 35 01 01")
    assert raw[-1] == 255


def test_a_message_is_at_least_a_bootp_message() -> None:
    """RFC 1542, 2.1: 300 octets, since old relays and ROMs drop shorter ones."""
    assert len(encode(discover())) == 300
    assert len(encode(discover(), min_size=0)) < 300


def test_the_message_type_comes_first_and_the_relay_option_last() -> None:
    """RFC 3046, 2.1 for option 82; old boot ROMs look for 53 in the first place."""
    options = Options({82: b"\x01\x01a", 60: b"PXEClient", 53: b"\x02"})
    raw = encode(discover(options=options), min_size=0)

    assert raw[FIXED : FIXED + 3] == b"\x35\x01\x02"
    assert raw.endswith(b"\x52\x03\x01\x01a\xff")


@pytest.mark.parametrize("size", [0, 1, 239])
def test_what_is_shorter_than_the_header_is_refused(size: int) -> None:
    """The fixed part and the cookie are 240 octets."""
    with pytest.raises(WireError, match="not a DHCP message"):
        decode(encode(discover())[:size])


@pytest.mark.parametrize(
    ("at", "octets", "complaint"),
    [
        (0, b"\x03", "op 3"),
        (2, b"\x11", "hardware address of 17"),
        (236, b"\0\0\0\0", "cookie"),
        (240, b"\x35\x02\x01\x01", "option 53"),
        (240, b"\x35\xff", "runs past the end"),
        (240, b"\x34\x01\x04\xff", "option 52"),
        (240, b"\x34\x00\xff", "option 52"),
    ],
)
def test_contradictions_are_refused(at: int, octets: bytes, complaint: str) -> None:
    """Each fault of the header or the options is a WireError that names it."""
    raw = bytearray(encode(discover()))
    raw[at : at + len(octets)] = octets

    with pytest.raises(WireError, match=complaint):
        decode(bytes(raw))


def test_a_missing_end_is_tolerated() -> None:
    """Some boot ROMs fill the field to its end."""
    raw = encode(discover(), min_size=0)

    assert decode(raw[:-1]) == discover()


def test_a_header_and_a_cookie_are_a_message() -> None:
    """240 octets, without any option."""
    raw = encode(discover(options=Options()), min_size=0)[:FIXED]

    assert decode(raw) == discover(options=Options())


def test_pads_between_options_are_passed_over() -> None:
    """RFC 2132, 3.1."""
    raw = encode(discover(options=Options()), min_size=0)[:FIXED]

    assert decode(raw + b"\0\0\x35\x01\x01\0\xff\x0c").options == {53: b"\x01"}


def test_an_unknown_message_type_is_none() -> None:
    """Lease queries and later types parse; they are no message of ours."""
    assert discover(options=Options({53: b"\x0a"})).message_type is None
    assert discover(options=Options()).message_type is None
    assert discover().message_type is MessageType.DISCOVER


def test_the_client_is_known_by_its_hardware_address() -> None:
    """Row 21: firmware, iPXE and the system send different client ids, but one chaddr."""
    assert discover().mac == MAC
    assert discover(options=Options({61: b"\x00other"})).mac == MAC


def test_a_hardware_address_may_fill_its_field() -> None:
    """Sixteen octets is the most that `chaddr` holds."""
    assert decode(encode(discover(hlen=16))).hlen == 16


@pytest.mark.parametrize("changes", [{"htype": 32}, {"hlen": 8}, {"hlen": 0}])
def test_other_hardware_has_no_mac(changes: dict[str, int]) -> None:
    """InfiniBand leaves chaddr empty (RFC 4390)."""
    with pytest.raises(WireError, match="not Ethernet"):
        _ = discover(**changes).mac


def test_the_boot_file_is_in_the_header_and_in_option_67() -> None:
    """Row 8: U-Boot reads only the header, others only the option; the codec carries both."""
    packet = decode(encode(discover(file=b"snponly.efi", options=Options({67: b"snponly.efi"}))))

    assert packet.file == b"snponly.efi"
    assert packet.options[OptionCode.BOOT_FILE_NAME] == b"snponly.efi"


def test_the_boot_file_holds_127_octets() -> None:
    """Row 9: the field's last octet is its NUL, so a longer URL is refused, never cut."""
    longest = b"u" * FILE_LIMIT
    raw = encode(discover(file=longest))

    assert raw[108:236] == longest + b"\0"
    with pytest.raises(WireError, match="alias"):
        encode(discover(file=longest + b"u"))
    assert decode(encode(discover(sname=b"s" * 63))).sname == b"s" * 63
    with pytest.raises(WireError, match="alias"):
        encode(discover(sname=b"s" * 64))


def test_a_field_filled_without_nul_is_read_whole() -> None:
    """A client may fill `file` to its last octet."""
    raw = bytearray(encode(discover()))
    raw[108:236] = b"f" * 128

    assert decode(bytes(raw)).file == b"f" * 128


@pytest.mark.parametrize("length", [255, 256, 510, 511, 700])
def test_long_options_are_split_and_joined(length: int) -> None:
    """RFC 3396: a value above 255 octets travels in pieces with the same code."""
    value = bytes(i % 251 for i in range(length))
    options = Options({53: b"\x05", 121: value})
    raw = encode(discover(options=options))

    assert raw.count(b"\x79\xff", FIXED) >= length // 255
    assert decode(raw).options[121] == value


def test_pieces_of_an_option_join_around_others() -> None:
    """RFC 3396, 7: in the order of their appearance, whatever stands between."""
    raw = encode(discover(options=Options()), min_size=0)[:FIXED]

    assert decode(raw + b"\x0c\x01a\x35\x01\x01\x0c\x02bc\xff").options == {12: b"abc", 53: b"\x01"}


def test_options_overflow_into_file_and_sname() -> None:
    """RFC 2131, 4.1: what does not fit goes to the free fields; option 52 says which."""
    options = Options(
        {53: b"\x02", 82: b"\x01\x04port"} | {c: bytes([c]) * 50 for c in range(100, 108)}
    )
    packet = discover(options=options)
    raw = encode(packet, max_size=548)

    assert len(raw) <= 548
    assert raw[FIXED:].startswith(b"\x35\x01\x02")
    assert b"\x34\x01\x03" in raw[FIXED:]
    assert raw.endswith(b"\x52\x06\x01\x04port\xff")
    assert decode(raw) == packet


def test_a_used_boot_file_is_never_overloaded() -> None:
    """Only `sname` is free then, and option 52 says 2."""
    options = Options({53: b"\x02"} | {c: bytes([c]) * 54 for c in range(100, 106)})
    packet = discover(file=b"snponly.efi", options=options)
    raw = encode(packet, max_size=548)

    assert b"\x34\x01\x02" in raw[FIXED:]
    assert raw[108:120] == b"snponly.efi\0"
    assert decode(raw) == packet


def test_a_long_option_may_continue_in_file_and_sname() -> None:
    """RFC 3396, 5: options, then file, then sname."""
    value = bytes(i % 251 for i in range(450))
    packet = discover(options=Options({53: b"\x02", 43: value}))

    assert decode(encode(packet, max_size=548)) == packet


def test_what_just_fits_is_not_overloaded() -> None:
    """To the octet: an option 52 is needed only one octet later."""
    packet = discover(options=Options({53: b"\x02", 43: bytes(60)}))
    raw = encode(packet, min_size=0)

    assert encode(packet, min_size=0, max_size=len(raw)) == raw
    assert b"\x34\x01\x03" in encode(packet, max_size=len(raw) - 1)


def test_an_option_of_255_octets_stays_in_one_piece() -> None:
    """It is not cut to fit (old firmware does not join), and not dropped."""
    packet = discover(options=Options({53: b"\x02", 43: bytes(255)}))

    with pytest.raises(WireError, match="option 43 does not fit"):
        encode(packet, max_size=400)


@pytest.mark.parametrize("length", [255, 600])
def test_what_fits_nowhere_is_refused(length: int) -> None:
    """A reply is never cut silently."""
    full = {c: bytes(200) for c in range(100, 103)}

    with pytest.raises(WireError, match="does not fit"):
        encode(
            discover(file=b"f", sname=b"s", options=Options(full | {43: bytes(length)})),
            max_size=548,
        )
    with pytest.raises(WireError, match="does not fit"):
        encode(discover(options=Options(full | {43: bytes(length)})), max_size=548)
    with pytest.raises(WireError, match="do not fit"):
        encode(discover(options=Options({82: bytes(250)})), max_size=400)


@pytest.mark.parametrize("changes", [{"xid": 1 << 32}, {"flags": -1}, {"chaddr": bytes(17)}])
def test_fields_out_of_range_are_refused(changes: dict[str, object]) -> None:
    """The one error, also for our own mistakes."""
    with pytest.raises(WireError):
        encode(discover(**changes))


def test_the_second_overload_mark_is_ignored() -> None:
    """An option 52 inside `file` cannot ask for more."""
    raw = bytearray(encode(discover(options=Options()), min_size=0)[:FIXED])
    raw[108:115] = b"\x34\x01\x03\x0c\x01h\xff"
    raw[44:48] = b"\x0f\x01x\xff"
    packet = decode(bytes(raw) + b"\x34\x01\x01\xff")

    assert packet.options == {12: b"h"}
    assert packet.sname == b"\x0f\x01x\xff"


@pytest.mark.parametrize(
    ("option", "budget"), [(None, 548), (1472, 1444), (65280, 1472), (300, 548), (576, 548)]
)
def test_the_clients_message_size_sets_the_budget(option: int | None, budget: int) -> None:
    """RFC 2132, 9.10 counts the IP datagram; OVMF sends 65280, no frame of ours is that long."""
    options = Options() if option is None else Options({57: of_uint16(option)})

    assert reply_budget(discover(options=options)) == budget


def test_a_reply_copies_what_rfc_2131_table_3_says() -> None:
    """xid, flags, giaddr and chaddr come back; hops and secs are zero."""
    request = discover(giaddr=RELAY, hops=1, secs=9, ciaddr=IPv4Address("10.0.0.9"))
    reply = offer(request)

    assert (reply.op, reply.xid, reply.chaddr) == (Op.REPLY, request.xid, request.chaddr)
    assert (reply.flags, reply.giaddr) == (request.flags, RELAY)
    assert (reply.hops, reply.secs, reply.ciaddr) == (0, 0, UNSPECIFIED)
    assert reply.message_type is MessageType.OFFER
    assert reply_to(request, MessageType.ACK, options=Options()).ciaddr == request.ciaddr


def test_a_reply_echoes_machine_id_client_id_and_relay_option() -> None:
    """Row 11: option 97 is echoed; so are 61 (RFC 6842) and 82 (RFC 3046, 2.2)."""
    machine = b"\0" + bytes(range(16))
    sent = Options({53: b"\x01", 97: machine, 61: b"\x01id", 82: b"\x01\x01p", 12: b"hv1"})
    reply = reply_to(discover(options=sent), MessageType.OFFER, options=Options({61: b"own"}))

    assert reply.options == {53: b"\x02", 61: b"own", 97: machine, 82: b"\x01\x01p"}
    assert offer(discover(options=Options({53: b"\x01"}))).options == {53: b"\x02"}


def test_a_relayed_nak_sets_the_broadcast_flag() -> None:
    """Row 19: RFC 2131, 4.3.2; the client may not own the address the relay would unicast to."""
    relayed = nak(discover(giaddr=RELAY, flags=0))

    assert relayed.broadcast
    assert not nak(discover(flags=0)).broadcast
    assert not offer(discover(giaddr=RELAY, flags=0)).broadcast


@pytest.mark.parametrize(
    ("changes", "destination"),
    [
        ({"giaddr": RELAY, "ciaddr": OFFERED}, Destination(RELAY, 67, None, Delivery.RELAY)),
        ({"ciaddr": OFFERED, "flags": 0}, Destination(OFFERED, 68, None, Delivery.UNICAST)),
        ({"ciaddr": OFFERED}, Destination(OFFERED, 68, None, Delivery.UNICAST)),
        ({}, Destination(BROADCAST, 68, None, Delivery.BROADCAST)),
        ({"flags": 0}, Destination(OFFERED, 68, MAC, Delivery.HARDWARE)),
        ({"flags": 0, "htype": 32}, Destination(BROADCAST, 68, None, Delivery.BROADCAST)),
    ],
)
def test_a_reply_finds_its_client(changes: dict[str, object], destination: Destination) -> None:
    """RFC 2131, 4.1, case by case."""
    request = discover(**changes)

    assert deliver_to(offer(request), request) == destination


@pytest.mark.parametrize(
    ("changes", "via"),
    [
        ({"flags": 0}, Delivery.BROADCAST),
        ({"ciaddr": OFFERED, "flags": 0}, Delivery.BROADCAST),
        ({"giaddr": RELAY}, Delivery.RELAY),
    ],
)
def test_a_nak_is_broadcast_or_relayed(changes: dict[str, object], via: Delivery) -> None:
    """The client's idea of its address is what is being refused."""
    request = discover(**changes)

    assert deliver_to(nak(request), request).via is via


def test_a_proxy_offer_without_address_is_broadcast() -> None:
    """There is no `yiaddr` to send to, whatever the flag says."""
    request = discover(flags=0)

    assert deliver_to(offer(request, yiaddr=UNSPECIFIED), request).via is Delivery.BROADCAST
