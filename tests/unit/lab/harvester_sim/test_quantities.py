"""Quantities as Kubernetes writes them."""

from __future__ import annotations

import pytest

from appliance.lab.harvester_sim.quantities import binary, milli, thousandths, whole


@pytest.mark.parametrize(
    ("text", "octets"),
    [("512Mi", 512 << 20), ("1.5Gi", 3 << 29), ("2G", 2 * 10**9), ("10", 10), ("1500m", 2)],
)
def test_a_quantity_is_read_in_units(text: str, octets: int) -> None:
    """Binary and decimal units; what is left of a unit is rounded up."""
    assert whole(text) == octets


def test_thousandths_are_kept() -> None:
    """Half a processor is 500 thousandths."""
    assert milli("500m") == 500
    assert milli("2") == 2000
    assert thousandths(125) == "125m"
    assert thousandths(2000) == "2"


@pytest.mark.parametrize("text", ["", "12 Mi", "Mi", "-1", "1e3x"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    """With the words of the real parser."""
    with pytest.raises(ValueError, match="quantities must match"):
        milli(text)


@pytest.mark.parametrize(
    ("octets", "text"), [(668 << 20, "668Mi"), (1 << 30, "1Gi"), (1000, "1000"), (0, "0")]
)
def test_octets_are_written_in_the_largest_whole_unit(octets: int, text: str) -> None:
    """So that what is written is read back as the same text."""
    assert binary(octets) == text
