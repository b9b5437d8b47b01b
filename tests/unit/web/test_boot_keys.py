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
