"""BIOS or UEFI, Secure Boot, TPM."""

from __future__ import annotations

from pathlib import Path

from appliance.discover.stage1 import firmware
from tests.unit.discover.stage1.machine_tree import put

VARIABLE = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


def test_a_machine_with_bios_and_no_tpm(tmp_path: Path) -> None:
    """Secure Boot is not even a question there."""
    assert firmware.gather(str(tmp_path)) == {"firmware": "bios", "secure_boot": None, "tpm": ""}


def test_a_machine_with_uefi_secure_boot_and_tpm(tmp_path: Path) -> None:
    """The variable's last octet says it."""
    put(tmp_path, VARIABLE, b"\x06\0\0\0\x01")
    put(tmp_path, "sys/class/tpm/tpm0/tpm_version_major", "2\n")
    assert firmware.gather(str(tmp_path)) == {"firmware": "uefi", "secure_boot": True, "tpm": "2.0"}


def test_secure_boot_that_is_off_or_unreadable() -> None:
    """Off is not the same as unknown."""
    assert firmware.secure_boot(b"\x06\0\0\0\x00") is False
    assert firmware.secure_boot(b"\x06") is None
