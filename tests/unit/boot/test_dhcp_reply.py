"""What replies carry, option by option."""

from __future__ import annotations

from dataclasses import replace

from appliance.boot.client import parse_client
from appliance.boot.dhcp_reply import (
    address_options,
    boot_options,
    lease_times,
    refusal,
    with_boot,
)
from appliance.wire.dhcp4 import FILE_LIMIT, MessageType
from appliance.wire.dhcp4_options import OptionCode, decode_suboptions
from tests.unit.boot.dhcp_packets import BRIDGE, NETWORK, NODE, options_of, request

SYSTEM = request(MessageType.DISCOVER, options_of("system"))


def test_router_mask_and_server_are_sent_to_all() -> None:
    """Even to a client that asks for nothing but the name."""
    packet = request(MessageType.DISCOVER, {OptionCode.PARAMETER_REQUEST_LIST: bytes((12,))})
    options = address_options(NETWORK, parse_client(packet), NODE)
    assert options[OptionCode.ROUTER] == NETWORK.gateway.packed
    assert options[OptionCode.SUBNET_MASK] == b"\xff\xff\xff\x00"
    assert options[OptionCode.SERVER_ID] == BRIDGE.packed
    assert options[OptionCode.HOST_NAME] == b"hv1"
    assert OptionCode.NTP_SERVER not in options


def test_what_a_system_asks_for() -> None:
    """Zone, broadcast address, NTP and name; no MTU while it is Ethernet's own."""
    options = address_options(NETWORK, parse_client(SYSTEM), NODE)
    assert options[OptionCode.DOMAIN_NAME] == b"alpha.internal"
    assert options[OptionCode.BROADCAST_ADDRESS] == b"\x0a\x14\x00\xff"
    assert options[OptionCode.NTP_SERVER] == BRIDGE.packed
    assert options[OptionCode.DNS_SERVER] == BRIDGE.packed
    assert OptionCode.INTERFACE_MTU not in options


def test_mtu_when_asked_and_unusual() -> None:
    """Jumbo frames are told to those who ask."""
    network = replace(NETWORK, mtu=9000)
    asking = request(MessageType.DISCOVER, {OptionCode.PARAMETER_REQUEST_LIST: bytes((26,))})
    assert address_options(network, parse_client(asking), None)[26] == b"\x23\x28"
    assert 26 not in address_options(network, parse_client(SYSTEM), None)


def test_log_server_only_when_asked() -> None:
    """IPXE asks for option 7 and then logs to us."""
    asking = request(MessageType.DISCOVER, {OptionCode.PARAMETER_REQUEST_LIST: bytes((7,))})
    assert address_options(NETWORK, parse_client(asking), None)[7] == BRIDGE.packed
    assert 7 not in address_options(NETWORK, parse_client(SYSTEM), None)


def test_lease_times() -> None:
    """Half for renewal, seven eighths for rebinding (RFC 2131, 4.4.5)."""
    times = {code: int.from_bytes(value, "big") for code, value in lease_times(120).items()}
    assert times == {51: 120, 58: 60, 59: 105}


def test_chosen_boot_item_is_sent_back() -> None:
    """PXE firmware that picked a menu item expects it in the answer (PXE 2.1)."""
    item = bytes((71, 4, 0x80, 0, 0, 0, 255))
    packet = request(MessageType.REQUEST, options_of("pxe") | {43: item})
    options = boot_options(NETWORK, packet, parse_client(packet), "snponly.efi")
    assert dict(decode_suboptions(options[43])) == {6: b"\x08", 71: b"\x80\0\0\0"}
    packet = request(MessageType.REQUEST, options_of("pxe") | {43: b"\x47\xff"})
    options = boot_options(NETWORK, packet, parse_client(packet), "snponly.efi")
    assert dict(decode_suboptions(options[43])) == {6: b"\x08"}


def test_too_long_name_is_left_out_of_the_header() -> None:
    """Facts 6.9: the header holds 127 octets; what is longer stands in option 67 alone."""
    for length, shown in ((FILE_LIMIT, FILE_LIMIT), (FILE_LIMIT + 1, 0)):
        reply = with_boot(SYSTEM, MessageType.ACK, {}, network=NETWORK, name="x" * length)
        assert len(reply.file) == shown
        assert reply.siaddr == BRIDGE


def test_refusal_says_why() -> None:
    """Option 56 carries the reason, cut and in ASCII."""
    reply = refusal(SYSTEM, NETWORK, "naïve " * 100)
    assert reply.message_type is MessageType.NAK
    assert reply.options[OptionCode.MESSAGE].startswith(b"na?ve")
    assert len(reply.options[OptionCode.MESSAGE]) == 200
