"""Firmware is told apart by what it sends, with the exceptions the field has taught."""

from __future__ import annotations

from uuid import UUID

import pytest

from appliance.errors import WireError
from appliance.wire.pxe import (
    Architecture,
    Firmware,
    architecture_in_vendor_class,
    boots_over_http,
    firmware_of,
    is_raspberry_pi,
    parse_architectures,
    parse_machine_id,
)


@pytest.mark.parametrize(
    ("arch", "firmware", "http"),
    [
        (0, Firmware.BIOS, False),
        (6, Firmware.UEFI_IA32, False),
        (7, Firmware.UEFI_X64, False),
        (8, Firmware.UEFI_X64, False),
        (9, Firmware.UEFI_X64, False),
        (10, Firmware.OTHER, False),
        (11, Firmware.UEFI_ARM64, False),
        (15, Firmware.UEFI_IA32, True),
        (16, Firmware.UEFI_X64, True),
        (18, Firmware.OTHER, True),
        (19, Firmware.UEFI_ARM64, True),
        (20, Firmware.BIOS, True),
        (41, Firmware.OTHER, False),
        (12345, Firmware.OTHER, False),
        (None, Firmware.OTHER, False),
    ],
)
def test_each_architecture_has_its_firmware(
    arch: int | None,
    firmware: Firmware,
    http: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Row 13: the values seen in the field, and unknown ones, never raise."""
    assert firmware_of(arch) is firmware
    assert boots_over_http(arch) is http


def test_the_registry_is_complete_to_41() -> None:
    """IANA's list has no gap up to Raspberry Pi's own loader."""
    assert [int(arch) for arch in Architecture] == list(range(42))


@pytest.mark.parametrize("oui", ["b827eb", "dca632", "e45f01", "d83add", "2ccf67", "28CDC1"])
def test_a_raspberry_pi_is_no_bios_machine(oui: str) -> None:
    """Row 12: a Pi 5 reports architecture 0 and is known by its address."""
    assert is_raspberry_pi(oui)
    assert firmware_of(0, oui=oui) is Firmware.OTHER
    assert firmware_of(11, oui=oui) is Firmware.UEFI_ARM64


def test_other_cards_are_no_raspberry_pi() -> None:
    """QEMU's own prefix keeps its BIOS."""
    assert firmware_of(0, oui="525400") is Firmware.BIOS


def test_architectures_are_a_list_of_numbers() -> None:
    """RFC 4578, 2.1: one or more."""
    assert parse_architectures(b"\0\x07") == (7,)
    assert parse_architectures(b"\0\x07\0\x10") == (7, 16)


@pytest.mark.parametrize("raw", [b"", b"\x07", b"\0\x07\0"])
def test_half_an_architecture_is_refused(raw: bytes) -> None:
    """The length is a multiple of two."""
    with pytest.raises(WireError, match="option 93"):
        parse_architectures(raw)


@pytest.mark.parametrize(
    ("text", "arch"),
    [
        ("PXEClient:Arch:00007:UNDI:003016", 7),
        ("HTTPClient:Arch:00016:UNDI:003001", 16),
        ("PXEClient:Arch:00000", 0),
        ("PXEClient", None),
        ("PXEClient:Arch:7:UNDI", None),
        ("", None),
    ],
)
def test_the_vendor_class_repeats_the_architecture(text: str, arch: int | None) -> None:
    """For a client that leaves option 93 out."""
    assert architecture_in_vendor_class(text) == arch


def test_the_machine_id_is_what_dmidecode_prints() -> None:
    """SMBIOS 7.2.1: the first three fields are little-endian on the wire."""
    raw = b"\0" + bytes.fromhex("33221100 5544 7766 8899 aabbccddeeff")

    assert parse_machine_id(raw) == UUID("00112233-4455-6677-8899-aabbccddeeff")


@pytest.mark.parametrize("raw", [None, bytes(17), b"\0" + b"\xff" * 16])
def test_a_missing_machine_id_is_tolerated(raw: bytes | None) -> None:
    """Row 11: many boards have none; OVMF in QEMU sends zeroes."""
    assert parse_machine_id(raw) is None


@pytest.mark.parametrize("raw", [b"", bytes(16), bytes(18), b"\x01" + bytes(16)])
def test_a_machine_id_of_wrong_length_or_type_is_refused(raw: bytes) -> None:
    """Row 11: a wrong length is refused."""
    with pytest.raises(WireError, match="option 97"):
        parse_machine_id(raw)
