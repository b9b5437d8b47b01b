"""Which file a booting client is sent to, by what it is (harvester-rke2 facts, 1.3).

iPXE gets its script's address; everything else gets the iPXE binary that its firmware can start.
What a machine then does is the script's affair: a held machine and one that boots its own disk
get iPXE too, and a script that says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.boot.client import BootClient, ClientKind
from appliance.boot.model import STAGE1_UKI, BootMachine
from appliance.wire.pxe import Firmware

UEFI_X64_FILE = "snponly.efi"
"""The default over `ipxe.efi`, whose own drivers hang on some cards (siderolabs/sidero#1042)."""
UEFI_ARM64_FILE = "snponly-arm64.efi"
BIOS_FILE = "undionly.kpxe"
_SHOWS_ITSELF = "our small Linux, which shows what the machine is"


@dataclass(frozen=True, slots=True)
class BootFile:
    """What to send as file name: a TFTP name or an http URL. `note` is for people.

    `name` is None when nothing here can boot this client; `note` then says why.
    """

    name: str | None
    note: str = ""


def boot_file(
    client: BootClient,
    machine: BootMachine | None,
    bridge: IPv4Address,
    *,
    stage1: bool = False,
) -> BootFile:
    """Choose the boot file of a booting client.

    With `stage1`, a firmware that can start our small Linux itself is given that: no iPXE between.
    """
    if stage1 and client.firmware is Firmware.UEFI_X64:
        if client.kind is ClientKind.PXE:
            return BootFile(STAGE1_UKI, _SHOWS_ITSELF)
        if client.kind is ClientKind.HTTP_BOOT:
            return BootFile(f"http://{bridge}/a/{STAGE1_UKI}", _SHOWS_ITSELF)
    if client.kind is ClientKind.IPXE and client.can_http:
        return BootFile(script_url(client, bridge))
    binary = _binary(client, machine)
    if client.kind is ClientKind.HTTP_BOOT and binary.name is not None:
        return BootFile(f"http://{bridge}/ipxe/{binary.name}", binary.note)
    if client.kind is ClientKind.IPXE and binary.name is not None:
        return BootFile(binary.name, "its iPXE cannot fetch over HTTP, so it is given ours")
    return binary


def script_url(client: BootClient, bridge: IPv4Address) -> str:
    """Give the address of a client's script.

    It ends in `.ipxe`, which some built-in iPXE insists on (Omni `handler.go`), and fits the 127
    octets of the BOOTP header field (Confluent `pxe.py`).
    """
    return f"http://{bridge}/m/{client.mac.bare}.ipxe"


def _binary(client: BootClient, machine: BootMachine | None) -> BootFile:
    own = machine.ipxe if machine is not None else ""
    match client.firmware:
        case Firmware.UEFI_X64:
            return BootFile(own if own.endswith(".efi") else UEFI_X64_FILE)
        case Firmware.BIOS:
            return BootFile(own if own and not own.endswith(".efi") else BIOS_FILE)
        case Firmware.UEFI_ARM64:
            return BootFile(
                own if "arm64" in own else UEFI_ARM64_FILE,
                f"its firmware is of arm64: {UEFI_ARM64_FILE} is not shipped, put it beside "
                "the other iPXE files",
            )
        case Firmware.UEFI_IA32:
            return BootFile(None, "its firmware is 32-bit UEFI, which cannot start a 64-bit system")
        case _:
            return BootFile(None, _unknown(client))


def _unknown(client: BootClient) -> str:
    if client.is_raspberry_pi:
        # A Pi reports architecture 0, a PC's BIOS (Tinkerbell `dhcp.go`).
        return "it is a Raspberry Pi, for which there is no boot file"
    if client.architecture is None:
        return "it does not say what its firmware is"
    return f"there is no boot file for its architecture ({client.architecture})"
