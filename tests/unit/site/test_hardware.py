"""Which identifiers are one machine's alone."""

from __future__ import annotations

from uuid import UUID

import pytest

from appliance.site import hardware
from appliance.site.hardware import is_serial, is_uuid


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "0000000000",
        "........",
        "To be filled by O.E.M.",
        "To Be Filled By O.E.M",
        "Default string",
        "System Serial Number",
        "Not Specified",
        "N/A",
        "None",
        "123456789",
        "FFFFFFFF",
    ],
)
def test_what_stands_on_many_machines_is_no_serial_number(text: str) -> None:
    """Vendors leave these where the number was forgotten."""
    assert not is_serial(text)


@pytest.mark.parametrize("text", ["4ZK7PX3", "BH-HV1", "S64FNE0R501234", "CZ2D230A1B", "00001"])
def test_a_serial_number(text: str) -> None:
    """Letters, digits, and noughts among others."""
    assert is_serial(text)


@pytest.mark.parametrize(
    "text",
    [
        "00000000-0000-0000-0000-000000000000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
        "03000200-0400-0500-0006-000700080009",
        "12345678-1234-5678-90ab-cddeefaabbcc",
    ],
)
def test_what_stands_on_many_machines_is_no_uuid(text: str) -> None:
    """All one digit, and the examples that boards are shipped with."""
    assert not is_uuid(UUID(text))


def test_a_uuid() -> None:
    """As Dell makes them."""
    assert is_uuid(UUID("4c4c4544-005a-4b10-8037-b4c04f505833"))


def test_a_test_needs_less_than_production() -> None:
    """So that what is too small for a test is too small for production."""
    assert hardware.TEST_CPUS < hardware.MIN_CPUS
    assert hardware.TEST_MEMORY < hardware.MIN_MEMORY * hardware.SLACK
    assert hardware.MIN_DATA_DISK < hardware.MIN_DISK_BESIDE_DATA < hardware.MIN_DISK
