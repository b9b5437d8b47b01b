"""How this machine was started, whether Secure Boot holds, and which TPM it has."""

from __future__ import annotations

import os
from typing import Any

from .files import names, octets, text

_SECURE_BOOT = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
"""UEFI specification 3.3, EFI_GLOBAL_VARIABLE."""
_TPM = {"1": "1.2", "2": "2.0"}


def gather(root: str) -> dict[str, Any]:
    """Give firmware ("bios" or "uefi"), secure_boot (None: unknown, or BIOS) and tpm."""
    efi = f"{root}/sys/firmware/efi"
    tpms = [name for name in names(f"{root}/sys/class/tpm") if name.startswith("tpm")]
    major = text(root, "sys/class/tpm", tpms[0], "tpm_version_major") if tpms else ""
    return {
        "firmware": "uefi" if os.path.isdir(efi) else "bios",
        "secure_boot": secure_boot(octets(f"{efi}/efivars/{_SECURE_BOOT}")),
        "tpm": _TPM.get(major, ""),
    }


def secure_boot(variable: bytes) -> bool | None:
    """Read the variable as efivarfs gives it: four octets of attributes, then 0 or 1."""
    return variable[4] == 1 if len(variable) == 5 else None
