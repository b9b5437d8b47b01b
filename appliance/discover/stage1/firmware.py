"""How and from which card this machine was started, whether Secure Boot holds, and its TPM."""

from __future__ import annotations

import os
from typing import Any

from .files import names, octets, text

_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
"""UEFI specification 3.3, EFI_GLOBAL_VARIABLE."""
_MAC_ADDRESS = b"\x03\x0b"
"""Type and subtype of a device path's node (UEFI specification 10.3.4)."""
_TPM = {"1": "1.2", "2": "2.0"}


def gather(root: str) -> dict[str, Any]:
    """Give firmware ("bios" or "uefi"), secure_boot (None: unknown, or BIOS) and tpm."""
    efi = f"{root}/sys/firmware/efi"
    tpms = [name for name in names(f"{root}/sys/class/tpm") if name.startswith("tpm")]
    major = text(root, "sys/class/tpm", tpms[0], "tpm_version_major") if tpms else ""
    return {
        "firmware": "uefi" if os.path.isdir(efi) else "bios",
        "secure_boot": secure_boot(octets(f"{efi}/efivars/SecureBoot-{_GLOBAL}")),
        "tpm": _TPM.get(major, ""),
    }


def secure_boot(variable: bytes) -> bool | None:
    """Read the variable as efivarfs gives it: four octets of attributes, then 0 or 1."""
    return variable[4] == 1 if len(variable) == 5 else None


def boot_card(root: str) -> str:
    """Give the address of the card that UEFI started from, as 52:54:00:12:34:56; or nothing."""
    folder = f"{root}/sys/firmware/efi/efivars"
    current = octets(f"{folder}/BootCurrent-{_GLOBAL}")[4:]
    if len(current) != 2:
        return ""
    number = int.from_bytes(current, "little")
    return card_of(octets(f"{folder}/Boot{number:04X}-{_GLOBAL}")[4:])


def card_of(option: bytes) -> str:
    """Give the card that a load option names (UEFI specification 3.1.3): flags, name, path."""
    at = 6
    while at < len(option) and option[at : at + 2] != b"\0\0":
        at += 2
    at += 2
    while 4 <= (length := int.from_bytes(option[at + 2 : at + 4], "little")) <= len(option) - at:
        if option[at : at + 2] == _MAC_ADDRESS and length >= 10:
            return ":".join(f"{octet:02x}" for octet in option[at + 4 : at + 10])
        at += length
    return ""
