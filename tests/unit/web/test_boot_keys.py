"""Keys by maker, for a box that stays silent."""

from __future__ import annotations

import pytest

from appliance.web.boot_keys import BOOT_KEYS, boot_key


@pytest.mark.parametrize(
    ("vendor", "line"),
    [
        ("Dell Inc.", "Dell PowerEdge"),
        ("Hewlett Packard Enterprise", "HPE ProLiant"),
        ("HPE", "HPE ProLiant"),
        ("Supermicro", "Supermicro"),
        ("Micro-Star International Co., Ltd.", "Gigabyte, MSI"),
        ("QEMU", "another"),
        ("", "another"),
    ],
)
def test_a_maker_is_known_as_its_machines_name_it(vendor: str, line: str) -> None:
    """And an unknown one gets what is common."""
    assert boot_key(vendor).vendor == line


def test_every_line_names_a_key_a_menu_and_a_setting() -> None:
    """Nobody is left without the next thing to press."""
    assert all(each.once and each.menu and each.setting for each in BOOT_KEYS)
    assert len({each.vendor for each in BOOT_KEYS}) == len(BOOT_KEYS)


def test_what_a_line_was_compared_with_bears_out_a_key_of_it() -> None:
    """A source that names none of a line's keys proves nothing of it."""
    compared = [each for each in BOOT_KEYS if each.read_in]
    assert {"Cisco UCS", "Fujitsu PRIMERGY", "another"}.isdisjoint(e.vendor for e in compared)
    for each in compared:
        named = each.read_in.partition(":")[0].split(", ")
        assert all(key in f"{each.once}, {each.menu}, {each.setting}" for key in named)
