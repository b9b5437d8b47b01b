"""Network cards."""

from __future__ import annotations

from pathlib import Path

from appliance.discover.stage1 import nics
from tests.unit.discover.stage1 import machine_tree


def test_the_recorded_machine(tmp_path: Path) -> None:
    """Two cards, one without link; the loopback is none, and an unknown speed is 0."""
    root = str(machine_tree.write(tmp_path))
    assert nics.gather(root) == [
        {
            "name": "ens2",
            "mac": "52:54:00:12:34:56",
            "driver": "virtio_net",
            "model": "",
            "link": True,
            "speed": 0,
            "lldp": None,
        },
        {
            "name": "ens3",
            "mac": "52:54:00:12:34:57",
            "driver": "e1000",
            "model": "",
            "link": False,
            "speed": 1000,
            "lldp": None,
        },
    ]


def test_the_slot_of_a_card(tmp_path: Path) -> None:
    """Through virtio's own bus too."""
    root = str(machine_tree.write(tmp_path))
    assert [nics.slot(root, name) for name in ("ens2", "ens3", "none")] == [
        "0000:00:02.0",
        "0000:00:03.0",
        "",
    ]


def test_a_card_is_taken_when_its_name_is_settled(tmp_path: Path) -> None:
    """udev renames it before."""
    root = str(machine_tree.write(tmp_path))
    assert nics.named_by_udev(root, "ens2")
    assert not nics.named_by_udev(root, "ens3")
