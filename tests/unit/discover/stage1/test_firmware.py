"""BIOS or UEFI, Secure Boot, TPM."""

from __future__ import annotations

from pathlib import Path

import pytest

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


GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
PCI, IPV4, END = b"\x01\x01\x06\x00\x00\x03", b"\x03\x0c\x06\x00ab", b"\x7f\xff\x04\x00"
CARD = b"\x03\x0b\x25\x00" + bytes.fromhex("525400123457") + bytes(27)


def _option(*nodes: bytes) -> bytes:
    path = b"".join(nodes)
    name = "UEFI PXEv4".encode("utf-16-le") + b"\0\0"
    return b"\x01\0\0\0" + len(path).to_bytes(2, "little") + name + path


def test_the_card_that_uefi_started_from(tmp_path: Path) -> None:
    """The UKI has no kernel argument that names it; the firmware's own entry does."""
    assert firmware.boot_card(str(tmp_path)) == ""
    efivars = "sys/firmware/efi/efivars"
    put(tmp_path, f"{efivars}/BootCurrent-{GLOBAL}", b"\x06\0\0\0\x0a\x00")
    assert firmware.boot_card(str(tmp_path)) == ""
    option = _option(PCI, CARD, IPV4, END)
    put(tmp_path, f"{efivars}/Boot000A-{GLOBAL}", b"\x07\0\0\0" + option)
    assert firmware.boot_card(str(tmp_path)) == "52:54:00:12:34:57"


@pytest.mark.parametrize(
    "option", [b"", b"\x01", _option(PCI, END), _option(CARD[:8]), _option(b"\x03\x0b\0\0")]
)
def test_a_load_option_without_a_card(option: bytes) -> None:
    """A disk's, or one that is cut."""
    assert firmware.card_of(option) == ""
