"""What PXE and UEFI firmware says about itself: architecture, machine id, vendor class.

Sources: RFC 4578, the IANA registry "Processor Architecture Types", PXE 2.1, SMBIOS 7.2.1.
"""

from __future__ import annotations

import re
from enum import Enum, IntEnum
from uuid import UUID

from appliance.errors import WireError


class Architecture(IntEnum):
    """Option 93, by the IANA registry. 7 is x64 in the field although RFC 4578 says EBC."""

    X86_BIOS = 0
    NEC_PC98 = 1
    ITANIUM = 2
    ALPHA = 3
    ARC_X86 = 4
    INTEL_LEAN = 5
    X86_UEFI = 6
    X64_UEFI = 7
    XSCALE_UEFI = 8
    EBC_UEFI = 9
    ARM32_UEFI = 10
    ARM64_UEFI = 11
    POWER_OPEN_FIRMWARE = 12
    POWER_EPAPR = 13
    POWER_OPAL = 14
    X86_UEFI_HTTP = 15
    X64_UEFI_HTTP = 16
    EBC_UEFI_HTTP = 17
    ARM32_UEFI_HTTP = 18
    ARM64_UEFI_HTTP = 19
    X86_BIOS_HTTP = 20
    ARM32_UBOOT = 21
    ARM64_UBOOT = 22
    ARM32_UBOOT_HTTP = 23
    ARM64_UBOOT_HTTP = 24
    RISCV32_UEFI = 25
    RISCV32_UEFI_HTTP = 26
    RISCV64_UEFI = 27
    RISCV64_UEFI_HTTP = 28
    RISCV128_UEFI = 29
    RISCV128_UEFI_HTTP = 30
    S390_BASIC = 31
    S390_EXTENDED = 32
    MIPS32_UEFI = 33
    MIPS64_UEFI = 34
    SUNWAY32_UEFI = 35
    SUNWAY64_UEFI = 36
    LOONGARCH32_UEFI = 37
    LOONGARCH32_UEFI_HTTP = 38
    LOONGARCH64_UEFI = 39
    LOONGARCH64_UEFI_HTTP = 40
    ARM_RPIBOOT = 41


class Firmware(Enum):
    """The kinds of firmware that want different boot files."""

    BIOS = "bios"
    UEFI_X64 = "uefi-x64"
    UEFI_ARM64 = "uefi-arm64"
    UEFI_IA32 = "uefi-ia32"
    OTHER = "other"


_FIRMWARE: dict[int, Firmware] = {
    Architecture.X86_BIOS: Firmware.BIOS,
    Architecture.X86_BIOS_HTTP: Firmware.BIOS,
    Architecture.X86_UEFI: Firmware.UEFI_IA32,
    Architecture.X86_UEFI_HTTP: Firmware.UEFI_IA32,
    Architecture.X64_UEFI: Firmware.UEFI_X64,
    # RFC 4578 named 8 Xscale and 9 EBC, but x64 boards send both (Harvester's PXE guide).
    Architecture.XSCALE_UEFI: Firmware.UEFI_X64,
    Architecture.EBC_UEFI: Firmware.UEFI_X64,
    Architecture.X64_UEFI_HTTP: Firmware.UEFI_X64,
    Architecture.ARM64_UEFI: Firmware.UEFI_ARM64,
    Architecture.ARM64_UEFI_HTTP: Firmware.UEFI_ARM64,
}
_HTTP = frozenset(arch for arch in Architecture if arch.name.endswith("_HTTP"))
# IEEE registry, "Raspberry Pi Foundation" and "Raspberry Pi (Trading) Ltd".
_RASPBERRY_PI = frozenset({"28cdc1", "2ccf67", "88a29e", "b827eb", "d83add", "dca632", "e45f01"})
_VENDOR_ARCH = re.compile(r":Arch:(\d{5})(?::|$)")


def is_raspberry_pi(oui: str) -> bool:
    """Tell whether six hex digits of a MAC address belong to Raspberry Pi boards."""
    return oui.lower() in _RASPBERRY_PI


def firmware_of(arch: int | None, *, oui: str = "") -> Firmware:
    """Give the kind of firmware behind an option 93 value and `mac.bare[:6]`.

    A Raspberry Pi 4 or 5 reports architecture 0 and is OTHER: no BIOS loader runs there.
    """
    if arch == Architecture.X86_BIOS and is_raspberry_pi(oui):
        return Firmware.OTHER
    return Firmware.OTHER if arch is None else _FIRMWARE.get(arch, Firmware.OTHER)


def boots_over_http(arch: int | None) -> bool:
    """Tell whether this architecture value asks for HTTP boot rather than TFTP."""
    return arch in _HTTP


def parse_architectures(raw: bytes) -> tuple[int, ...]:
    """Read option 93: one or more 16-bit values. Raises WireError for any other length."""
    if not raw or len(raw) % 2:
        raise WireError(f"option 93 holds {len(raw)} octets", why="a multiple of 2 expected")
    return tuple(int.from_bytes(raw[at : at + 2], "big") for at in range(0, len(raw), 2))


def architecture_in_vendor_class(text: str) -> int | None:
    """Read the `Arch:00007` part of a vendor class such as `PXEClient:Arch:00007:UNDI:003016`."""
    found = _VENDOR_ARCH.search(text)
    return int(found[1]) if found else None


def parse_machine_id(raw: bytes | None) -> UUID | None:
    """Read option 97: the SMBIOS UUID, whose first three fields are little-endian.

    The result is what `dmidecode` prints. None when the option is missing or the board has no
    identity (all 00 or all FF, SMBIOS 7.2.1; OVMF under QEMU sends 00 unless told a UUID).
    Raises WireError for a wrong length or type.
    """
    if raw is None:
        return None
    if len(raw) != 17:
        raise WireError(f"option 97 holds {len(raw)} octets", why="17 expected")
    if raw[0] != 0:
        raise WireError(f"option 97 is of type {raw[0]}", why="type 0, a UUID, expected")
    identity = raw[1:]
    if identity in (bytes(16), b"\xff" * 16):
        return None
    return UUID(bytes_le=identity)
