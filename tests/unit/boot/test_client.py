"""Who asks: real firmware's packets and sloppy ones, read into a BootClient."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.boot.client import BootClient, ClientKind, parse_client
from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire.dhcp4 import MessageType, Packet
from appliance.wire.dhcp4_options import IpxeOption, OptionCode
from appliance.wire.pxe import Firmware
from tests.unit.boot.dhcp_packets import KNOWN, captured, options_of, request


def client_of(options: dict[int, bytes], mac: Mac = KNOWN) -> BootClient:
    """Read a DISCOVER with these options."""
    return parse_client(request(MessageType.DISCOVER, options, mac=mac))


def test_captured_bios_ipxe_rom() -> None:
    """SeaBIOS with iPXE as boot ROM is iPXE from its first word."""
    client = parse_client(next(captured("bios-ipxe-rom")))
    assert (client.kind, client.firmware) == (ClientKind.IPXE, Firmware.BIOS)
    assert client.can_http
    assert IpxeOption.HTTP in client.ipxe_features
    assert client.ipxe_version is not None


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("ovmf-pxe", [ClientKind.PXE, ClientKind.IPXE]),
        ("ovmf-http", [ClientKind.PXE, ClientKind.HTTP_BOOT, ClientKind.IPXE]),
    ],
)
def test_captured_ovmf(name: str, kinds: list[ClientKind]) -> None:
    """OVMF asks as PXE, then by HTTP boot, then the iPXE it loaded asks; all x64."""
    clients = [parse_client(packet) for packet in captured(name)]
    assert list(dict.fromkeys(client.kind for client in clients)) == kinds
    assert {client.firmware for client in clients} == {Firmware.UEFI_X64}
    assert all(client.is_booting and client.machine_id is None for client in clients)


def test_running_system() -> None:
    """Without vendor class and architecture it is a system, and tells no firmware."""
    client = client_of(options_of("system") | {OptionCode.HOST_NAME: b"hv1"})
    assert client.kind is ClientKind.SYSTEM
    assert client.firmware is None
    assert not client.is_booting
    assert client.hostname == "hv1"
    assert client.wants(OptionCode.ROUTER)
    assert not client.wants(OptionCode.INTERFACE_MTU)


@pytest.mark.parametrize(
    ("arch", "firmware"),
    [
        (0, Firmware.BIOS),
        (6, Firmware.UEFI_IA32),
        (7, Firmware.UEFI_X64),
        (8, Firmware.UEFI_X64),
        (9, Firmware.UEFI_X64),
        (11, Firmware.UEFI_ARM64),
        (10, Firmware.OTHER),
        (41, Firmware.OTHER),
        (60000, Firmware.OTHER),
    ],
)
def test_architectures(arch: int, firmware: Firmware) -> None:
    """Facts 6.13: every architecture number is accepted; those unknown are OTHER."""
    assert client_of(options_of("pxe", arch)).firmware is firmware


@pytest.mark.parametrize("arch", [15, 16, 18, 19, 20])
def test_http_architectures_are_http_boot(arch: int) -> None:
    """Facts 6.13: these architectures boot over HTTP, with or without the vendor class."""
    assert client_of(options_of("http", arch)).kind is ClientKind.HTTP_BOOT
    options: dict[int, bytes] = {OptionCode.CLIENT_ARCHITECTURE: arch.to_bytes(2, "big")}
    assert client_of(options).kind is ClientKind.HTTP_BOOT


def test_raspberry_pi_by_its_card() -> None:
    """Facts 6.12: a Pi says architecture 0; its OUI tells that this is no BIOS."""
    client = client_of(options_of("pxe", 0), Mac("2ccf67001122"))
    assert client.is_raspberry_pi
    assert client.firmware is Firmware.OTHER


def test_machine_id_missing_is_tolerated_and_wrong_length_refused() -> None:
    """Facts 6.11."""
    options = options_of("pxe")
    assert client_of(options).machine_id == UUID("03020100-0504-0706-0809-0a0b0c0d0e0f")
    del options[OptionCode.MACHINE_ID]
    assert client_of(options).machine_id is None
    with pytest.raises(WireError):
        client_of({**options, OptionCode.MACHINE_ID: b"\0" * 9})


def test_malformed_user_class_is_tolerated() -> None:
    """A UEFI client with a broken option 77 is still a PXE client (baremetal-operator#446)."""
    client = client_of(options_of("pxe") | {OptionCode.USER_CLASS: b"\x40broken"})
    assert client.kind is ClientKind.PXE


@pytest.mark.parametrize("raw", [b"iPXE", b"\x04iPXE"])
def test_ipxe_user_class_in_both_forms(raw: bytes) -> None:
    """IPXE sends the bare text; RFC 3004 wants a length before it."""
    assert client_of({OptionCode.USER_CLASS: raw}).kind is ClientKind.IPXE


def test_cut_ipxe_features_leave_the_machine_bootable() -> None:
    """Option 175 cut short: iPXE is believed to know HTTP."""
    client = client_of({OptionCode.USER_CLASS: b"iPXE", OptionCode.IPXE: b"\x13\x05\x01"})
    assert client.kind is ClientKind.IPXE
    assert client.can_http


def test_ipxe_without_http_is_known() -> None:
    """A build that lists TFTP but not HTTP cannot fetch its script."""
    client = client_of({OptionCode.USER_CLASS: b"iPXE", OptionCode.IPXE: b"\x15\x01\x01"})
    assert not client.can_http


def test_malformed_architecture_is_read_from_the_vendor_class() -> None:
    """Option 93 of one octet: the vendor class says it again."""
    options = options_of("pxe", 7) | {OptionCode.CLIENT_ARCHITECTURE: b"\x07"}
    assert client_of(options).firmware is Firmware.UEFI_X64


def test_other_hardware_is_refused() -> None:
    """Only Ethernet boots here."""
    packet = request(MessageType.DISCOVER)
    with pytest.raises(WireError):
        parse_client(replace(packet, htype=32))


def test_relay_is_told() -> None:
    """A relayed packet carries its relay's address."""
    relay = IPv4Address("10.20.0.254")
    assert parse_client(request(MessageType.DISCOVER, giaddr=relay)).relay == relay
    assert parse_client(request(MessageType.DISCOVER)).relay is None


@given(st.dictionaries(st.integers(1, 254), st.binary(max_size=40), max_size=12))
def test_any_options_are_read_or_refused(options: dict[int, bytes]) -> None:
    """Garbage gives a client or the one wire error, nothing else."""
    packet: Packet = request(MessageType.DISCOVER, options)
    try:
        client = parse_client(packet)
    except WireError:
        return
    assert client.mac == packet.mac
    assert client.described()


def test_our_small_linux_is_neither_firmware_nor_the_installed_system() -> None:
    """By its vendor class alone; one that only begins like it is a system like any other."""
    told: dict[int, bytes] = {OptionCode.VENDOR_CLASS: b"bridgehead-stage1"}
    client = parse_client(request(MessageType.DISCOVER, told))
    assert client.kind is ClientKind.STAGE1
    assert (client.is_booting, client.is_firmware, client.firmware) == (False, False, None)
    assert client.described() == "our small Linux"
    other: dict[int, bytes] = {OptionCode.VENDOR_CLASS: b"bridgehead-stage1-not"}
    assert parse_client(request(MessageType.DISCOVER, other)).kind is ClientKind.SYSTEM
