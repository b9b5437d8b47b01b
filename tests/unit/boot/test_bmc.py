"""BMCs are told by what they say of themselves, and by what is written of it."""

from __future__ import annotations

import re

import pytest

from appliance.boot.bmc import BMC_MARKS, maker_by_class, maker_by_name


@pytest.mark.parametrize(
    ("said", "maker"),
    [
        ("iDRAC", "Dell iDRAC"),
        ("LifecycleController", "Dell iDRAC"),
        ("CPQRIB3", "HPE iLO"),
        ("CPQRIB3 (HP Proliant DL360 G6 iLO)", "HPE iLO"),
        ("NVIDIA/BF/BMC", "NVIDIA BlueField"),
        ("NVIDIA/BF/OOB", ""),
        ("PXEClient:Arch:00007:UNDI:003016", ""),
        ("udhcp 1.36.1", ""),
        ("MSFT 5.0", ""),
        ("", ""),
    ],
)
def test_vendor_classes(said: str, maker: str) -> None:
    """Those of BMCs, of firmware, and of running systems."""
    assert maker_by_class(said) == maker


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("idrac-4ZK7PX3", "Dell iDRAC"),
        ("ILOCZJ12345AB.example.com", "HPE iLO"),
        ("XCC-7X06-J300ABCD", "Lenovo XCC"),
        ("IMM2-5cf3fc5eaad0", "Lenovo IMM"),
        ("iRMC0A1B2C", "Fujitsu iRMC"),
        ("hv1", ""),
        ("ilona", ""),
        ("idrac", ""),
        ("my-idrac-4ZK7PX3", ""),
        ("", ""),
    ],
)
def test_names(name: str, maker: str) -> None:
    """Those that BMCs give themselves, whole; no person's."""
    assert maker_by_name(name) == maker


def test_the_table_can_be_read() -> None:
    """Each line tells by one thing; what is no more than commonly known names no source."""
    for mark in BMC_MARKS:
        assert bool(mark.vendor_class) != bool(mark.hostname)
        re.compile(mark.hostname)
        assert mark.read_in or mark.hostname
