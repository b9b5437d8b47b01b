"""Which file which client is sent to."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.boot.boot_file import boot_file
from appliance.boot.client import BootClient, ClientKind
from appliance.values import Mac
from appliance.wire.dhcp4 import FILE_LIMIT
from appliance.wire.dhcp4_options import IpxeOption
from appliance.wire.pxe import Firmware
from tests.unit.boot.dhcp_packets import BRIDGE, KNOWN, NODE


def client(kind: ClientKind, firmware: Firmware = Firmware.UEFI_X64) -> BootClient:
    """Make a client of a kind."""
    return BootClient(mac=KNOWN, kind=kind, firmware=firmware, architecture=7)


@pytest.mark.parametrize(
    ("kind", "firmware", "name"),
    [
        (ClientKind.PXE, Firmware.UEFI_X64, "snponly.efi"),
        (ClientKind.PXE, Firmware.BIOS, "undionly.kpxe"),
        (ClientKind.PXE, Firmware.UEFI_ARM64, "snponly-arm64.efi"),
        (ClientKind.HTTP_BOOT, Firmware.UEFI_X64, "http://10.20.0.2/ipxe/snponly.efi"),
        (ClientKind.IPXE, Firmware.UEFI_X64, "http://10.20.0.2/m/525400000001.ipxe"),
        (ClientKind.IPXE, Firmware.BIOS, "http://10.20.0.2/m/525400000001.ipxe"),
        (ClientKind.PXE, Firmware.UEFI_IA32, None),
        (ClientKind.PXE, Firmware.OTHER, None),
        (ClientKind.HTTP_BOOT, Firmware.OTHER, None),
    ],
)
def test_table(kind: ClientKind, firmware: Firmware, name: str | None) -> None:
    """The table of harvester-rke2 facts 1.3; where there is no file, the note says why."""
    file = boot_file(client(kind, firmware), None, BRIDGE)
    assert file.name == name
    assert bool(file.note) == (name is None or "arm64" in name)


def test_script_address_is_short_and_ends_in_ipxe() -> None:
    """Facts 6.9 and 6.10: at most 127 octets, and `.ipxe` at its end."""
    name = boot_file(client(ClientKind.IPXE), NODE, BRIDGE).name
    assert name is not None
    assert name.endswith(".ipxe")
    assert len(name) <= FILE_LIMIT
    assert ":" not in name.removeprefix("http:")


def test_machine_chooses_its_own_binary() -> None:
    """A machine whose card needs another driver says so in the site file."""
    node = replace(NODE, ipxe="ipxe.efi")
    assert boot_file(client(ClientKind.PXE), node, BRIDGE).name == "ipxe.efi"
    assert boot_file(client(ClientKind.PXE, Firmware.BIOS), node, BRIDGE).name == "undionly.kpxe"
    node = replace(NODE, ipxe="ipxe.pxe")
    assert boot_file(client(ClientKind.PXE, Firmware.BIOS), node, BRIDGE).name == "ipxe.pxe"
    assert boot_file(client(ClientKind.PXE), node, BRIDGE).name == "snponly.efi"


def test_ipxe_without_http_is_given_ours() -> None:
    """It would not reach its script; ours does."""
    old = replace(client(ClientKind.IPXE), ipxe_features=frozenset((IpxeOption.TFTP,)))
    file = boot_file(old, None, BRIDGE)
    assert file.name == "snponly.efi"
    assert "HTTP" in file.note


def test_raspberry_pi_is_told_apart() -> None:
    """Facts 6.12: it reports a PC's BIOS; it gets no PC's boot file."""
    board = replace(client(ClientKind.PXE, Firmware.OTHER), mac=Mac("2ccf67001122"), architecture=0)
    file = boot_file(board, None, BRIDGE)
    assert file.name is None
    assert "Raspberry Pi" in file.note
    assert (
        "does not say" in boot_file(replace(board, mac=KNOWN, architecture=None), None, BRIDGE).note
    )


@pytest.mark.parametrize(
    ("kind", "firmware", "name"),
    [
        (ClientKind.PXE, Firmware.UEFI_X64, "stage1-amd64.efi"),
        (ClientKind.HTTP_BOOT, Firmware.UEFI_X64, "http://10.20.0.2/a/stage1-amd64.efi"),
        (ClientKind.IPXE, Firmware.UEFI_X64, "http://10.20.0.2/m/525400000001.ipxe"),
        (ClientKind.PXE, Firmware.BIOS, "undionly.kpxe"),
        (ClientKind.PXE, Firmware.UEFI_ARM64, "snponly-arm64.efi"),
        (ClientKind.HTTP_BOOT, Firmware.OTHER, None),
    ],
)
def test_a_machine_that_shows_itself(
    kind: ClientKind, firmware: Firmware, name: str | None
) -> None:
    """UEFI on x64 starts our small Linux itself; any other needs iPXE before it."""
    assert boot_file(client(kind, firmware), NODE, BRIDGE, stage1=True).name == name
    old = replace(client(kind, firmware), ipxe_features=frozenset((IpxeOption.TFTP,)))
    if kind is ClientKind.IPXE:
        assert boot_file(old, NODE, BRIDGE, stage1=True).name == "snponly.efi"
