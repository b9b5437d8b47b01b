"""Two foreign DHCP codecs read what ours writes, and ours reads what they write."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydhcp import DHCPMessage, DHCPMessageType, DHCPOpcode, DHCPOptions
from scapy.layers import dhcp as scapy_dhcp
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from appliance.values import Mac
from appliance.wire import dhcp4, pcap
from appliance.wire.dhcp4 import Op, Packet
from appliance.wire.dhcp4_options import OptionCode, Options

CAPTURES = sorted((Path(__file__).parents[1] / "captures").glob("*.pcap"))
HEADER = ("op", "htype", "hlen", "hops", "xid", "secs")
SAME_OPTION = dict(
    pair.split("=")
    for pair in (
        "PAD=pad SUBNET_MASK=subnet_mask TIME_OFFSET=time_zone ROUTER=router "
        "TIME_SERVER=time_server DNS_SERVER=name_server LOG_SERVER=log_server HOST_NAME=hostname "
        "BOOT_FILE_SIZE=boot-size DOMAIN_NAME=domain ROOT_PATH=root_disk_path "
        "INTERFACE_MTU=interface-mtu BROADCAST_ADDRESS=broadcast_address NTP_SERVER=NTP_server "
        "VENDOR_SPECIFIC=vendor_specific REQUESTED_ADDRESS=requested_addr LEASE_TIME=lease_time "
        "OVERLOAD=dhcp-option-overload MESSAGE_TYPE=message-type SERVER_ID=server_id "
        "PARAMETER_REQUEST_LIST=param_req_list MESSAGE=error_message "
        "MAX_MESSAGE_SIZE=max_dhcp_size RENEWAL_TIME=renewal_time REBINDING_TIME=rebinding_time "
        "VENDOR_CLASS=vendor_class_id CLIENT_ID=client_id TFTP_SERVER_NAME=tftp_server_name "
        "BOOT_FILE_NAME=boot-file-name USER_CLASS=user_class CLIENT_FQDN=client_FQDN "
        "RELAY_AGENT=relay_agent_information CLIENT_ARCHITECTURE=pxe_client_architecture "
        "CLIENT_NETWORK_INTERFACE=pxe_client_network_interface "
        "MACHINE_ID=pxe_client_machine_identifier IPV6_ONLY_PREFERRED=ipv6-only-preferred "
        "CAPTIVE_PORTAL=captive-portal AUTO_CONFIGURE=auto-config "
        "SUBNET_SELECTION=subnet-selection CLASSLESS_ROUTES=classless_static_routes "
        "TFTP_SERVER_ADDRESS=tftp_server_address CONFIGURATION_FILE=pxelinux_configuration_file "
        "PATH_PREFIX=pxelinux_path_prefix END=end"
    ).split()
)
ADDRESSES = ("ciaddr", "yiaddr", "siaddr", "giaddr")


def captured() -> list[bytes]:
    """Every DHCP payload of every capture."""
    found = (pcap.udp_of(frame) for path in CAPTURES for frame in pcap.read(path.read_bytes()))
    return [d.payload for d in found if d and {d.sport, d.dport} & {67, 68}]


addresses = st.integers(0, 2**32 - 1).map(IPv4Address)
# Codes that carry a value; option 52 belongs to the encoding.
codes = st.integers(1, 254).filter(lambda code: code != 52)
fields = st.binary(max_size=60).filter(lambda raw: b"\0" not in raw and raw.isascii())


@st.composite
def packets(draw: st.DrawFn, longest: int = 40) -> Packet:
    """Any message our encoder accepts, with values of up to `longest` octets."""
    values = draw(st.dictionaries(codes, st.binary(max_size=longest), max_size=12))
    values[53] = bytes((draw(st.integers(1, 8)),))
    return Packet(
        op=draw(st.sampled_from(Op)),
        xid=draw(st.integers(0, 2**32 - 1)),
        chaddr=draw(st.binary(min_size=6, max_size=6)) + bytes(10),
        hops=draw(st.integers(0, 255)),
        secs=draw(st.integers(0, 65535)),
        flags=draw(st.sampled_from([0, 0x8000])),
        ciaddr=draw(addresses),
        yiaddr=draw(addresses),
        siaddr=draw(addresses),
        giaddr=draw(addresses),
        sname=draw(fields),
        file=draw(fields),
        options=Options(values),
    )


def assert_pydhcp_agrees(raw: bytes, packet: Packet) -> None:
    """Pydhcp reads the same header and the same octets of every option."""
    theirs = DHCPMessage.decode(raw)
    assert tuple(int(getattr(theirs, name)) for name in HEADER[:5]) == tuple(
        int(getattr(packet, name)) for name in HEADER[:5]
    )
    assert theirs.secs.total_seconds() == packet.secs
    assert int(theirs.flags) == packet.flags
    for name in ADDRESSES:
        assert getattr(theirs, name) == getattr(packet, name)
    assert theirs.chaddr == packet.chaddr[: packet.hlen]
    options = {int(code): theirs.options.get(code, decode=bytes) for code in theirs.options}
    options.pop(52, None)
    assert options == dict(packet.options)


def assert_scapy_agrees(raw: bytes, packet: Packet) -> None:
    """Scapy reads the same header; each of its options, written back, is one of ours."""
    theirs = BOOTP(raw)
    for name in HEADER:
        assert getattr(theirs, name) == int(getattr(packet, name))
    assert int(theirs.flags) == packet.flags
    for name in ADDRESSES:
        assert IPv4Address(getattr(theirs, name)) == getattr(packet, name)
    assert theirs.chaddr == packet.chaddr
    assert theirs.sname.partition(b"\0")[0] == packet.sname
    assert theirs.file.partition(b"\0")[0] == packet.file
    options: dict[int, bytes] = {}
    for option in theirs[DHCP].options:
        if option not in ("end", "pad"):
            written = bytes(DHCP(options=[option]))
            assert len(written) == written[1] + 2
            options[written[0]] = options.get(written[0], b"") + written[2:]
    assert options == dict(packet.options)


def test_the_numbers_are_those_of_others() -> None:
    """Message types and operations by pydhcp's names, option codes by scapy's table."""
    assert {f"DHCP{m.name}": int(m) for m in dhcp4.MessageType}.items() <= {
        m.name: int(m) for m in DHCPMessageType
    }.items()
    assert {f"BOOT{op.name}": int(op) for op in Op} == {op.name: int(op) for op in DHCPOpcode}
    table = scapy_dhcp.DHCPOptions.items()
    theirs = {o if isinstance(o, str) else getattr(o, "name", ""): code for code, o in table}
    assert {ours: theirs[name] for ours, name in SAME_OPTION.items()} == {
        ours: OptionCode[ours] for ours in SAME_OPTION
    }


@pytest.mark.parametrize("raw", captured())
def test_captured_messages_are_read_alike(raw: bytes) -> None:
    """Real firmware and dnsmasq, by three codecs."""
    packet = dhcp4.decode(raw)

    assert_pydhcp_agrees(raw, packet)
    assert_scapy_agrees(raw, packet)


@given(packets(longest=700))
def test_pydhcp_reads_what_we_write(packet: Packet) -> None:
    """Header, any options, long ones in pieces."""
    raw = dhcp4.encode(packet, max_size=65000)

    assert_pydhcp_agrees(raw, packet)
    assert dhcp4.decode(raw) == packet


@given(packets(longest=60), st.sampled_from(["file", "sname", "both"]))
def test_pydhcp_reads_what_we_overload(packet: Packet, free: str) -> None:
    """Options that overflow into `file` and `sname` come out whole."""
    packet = Packet(
        packet.op,
        packet.xid,
        packet.chaddr,
        sname=packet.sname if free == "file" else b"",
        file=packet.file if free == "sname" else b"",
        options=packet.options,
    )
    needed = sum(len(value) + 2 for value in packet.options.values())
    # Just too small for the options field, as long as the overload mark and the rest have room.
    limit = 240 + max(needed - 20, 130)
    raw = dhcp4.encode(packet, max_size=limit, min_size=0)

    assert len(raw) <= limit
    assert dhcp4.decode(raw) == packet
    assert_pydhcp_agrees(raw, packet)


@given(st.dictionaries(codes, st.binary(max_size=400), max_size=6), addresses)
def test_we_read_what_pydhcp_writes(values: dict[int, bytes], address: IPv4Address) -> None:
    """With its own order, padding and overloading."""
    options = DHCPOptions()
    for code, value in values.items():
        options[code] = value
    options[53] = b"\x02"
    theirs = DHCPMessage(
        DHCPOpcode.BOOTREPLY, xid=7, chaddr=b"\x52\x54\0\0\0\x01", yiaddr=address, options=options
    )
    packet = dhcp4.decode(theirs.encode(65000))

    assert packet.options == {**values, 53: b"\x02"}
    assert (packet.xid, packet.yiaddr) == (7, address)
    assert packet.mac == Mac("525400000001")


@given(
    address=addresses,
    lease=st.integers(0, 2**32 - 1),
    names=st.lists(addresses, min_size=1, max_size=20),
    host=st.text(st.characters(codec="ascii", exclude_characters="\0\\", categories=("L", "N"))),
)
def test_we_read_the_typed_options_scapy_writes(
    address: IPv4Address, lease: int, names: list[IPv4Address], host: str
) -> None:
    """Addresses, lists, numbers and texts, each by its name there and its code here."""
    raw = bytes(
        BOOTP(op=2, chaddr=b"\x52\x54\0\0\0\x01", yiaddr=str(address))
        / DHCP(
            options=[
                ("message-type", "ack"),
                ("server_id", str(address)),
                ("lease_time", lease),
                ("name_server", *map(str, names)),
                ("hostname", host.encode()),
                ("max_dhcp_size", lease & 0xFFFF),
                "end",
            ]
        )
    )
    packet = dhcp4.decode(raw)

    assert packet.message_type is dhcp4.MessageType.ACK
    assert packet.yiaddr == packet.options.address(54) == address
    assert packet.options.uint32(51) == lease
    assert packet.options.addresses(6) == tuple(names)
    assert packet.options.text(12) == host
    assert packet.options.uint16(57) == lease & 0xFFFF


@given(payload=st.binary(max_size=400), address=addresses, port=st.integers(0, 65535))
@settings(max_examples=50)
def test_scapy_finds_our_frames_sound(payload: bytes, address: IPv4Address, port: int) -> None:
    """Scapy, told to compute the checksums itself, builds the same frame."""
    mine = pcap.UdpDatagram(
        IPv4Address("10.20.0.5"),
        67,
        address,
        port,
        payload,
        Mac("525400000001"),
        Mac("525400000002"),
    )
    theirs = (
        Ether(src="52:54:00:00:00:01", dst="52:54:00:00:00:02")
        / IP(src="10.20.0.5", dst=str(address), flags="DF", id=9, ttl=64)
        / UDP(sport=67, dport=port)
        / payload
    )

    assert pcap.udp_frame(mine, identification=9) == bytes(theirs)
