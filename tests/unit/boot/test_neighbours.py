"""The kernel's ARP table, read."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.boot.neighbours import neighbour
from appliance.values import Mac

TABLE = """\
IP address       HW type     Flags       HW address            Mask     Device
10.20.0.11       0x1         0x2         52:54:00:00:00:01     *        eth1
10.20.0.12       0x1         0x0         00:00:00:00:00:00     *        eth1
10.20.0.13       0x1         0x2         52:54:00:00:00:03     *        wlan0
10.20.0.1        0x1         0x6         52:54:00:00:00:04     *        eth1
garbage
"""


@pytest.mark.parametrize(
    ("address", "mac"),
    [
        ("10.20.0.11", Mac("525400000001")),
        ("10.20.0.1", Mac("525400000004")),
        ("10.20.0.12", None),
        ("10.20.0.13", None),
        ("10.20.0.99", None),
    ],
)
def test_complete_entries_of_the_interface_count(
    tmp_path: Path, address: str, mac: Mac | None
) -> None:
    """Not those being resolved, and not those of another interface."""
    table = tmp_path / "arp"
    table.write_text(TABLE)

    assert neighbour(IPv4Address(address), "eth1", table=table) == mac


def test_a_missing_table_knows_nobody(tmp_path: Path) -> None:
    """A container may hide it."""
    assert neighbour(IPv4Address("10.0.0.1"), "eth1", table=tmp_path / "none") is None
