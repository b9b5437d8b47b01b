"""udev's database."""

from __future__ import annotations

from pathlib import Path

from appliance.discover.stage1 import udev
from tests.unit.discover.stage1 import machine_tree


def test_an_entry() -> None:
    """Links, properties, and whether udev was done; other lines are passed over."""
    found = udev.decode("S:disk/by-id/b\nS:disk/by-id/a\nI:42\nE:ID_FS_TYPE=ext4\nE:X=a=b\nG:tag\n")
    assert found.links == ("disk/by-id/a", "disk/by-id/b")
    assert found.properties == {"ID_FS_TYPE": "ext4", "X": "a=b"}
    assert found.done


def test_no_entry_is_not_done() -> None:
    """A device whose worker hangs has none."""
    assert udev.decode("") == udev.Device((), {}, done=False)


def test_the_first_that_says_something() -> None:
    """Properties may be there and empty."""
    device = udev.decode("E:A=\nE:B=b\n")
    assert (device.get("A", "B"), device.get("C")) == ("b", "")


def test_found_by_number(tmp_path: Path) -> None:
    """Block devices by major and minor, cards by index."""
    root = str(machine_tree.write(tmp_path))
    assert udev.of_block(root, f"{root}/sys/block/sda").get("ID_SERIAL_SHORT") == "EXT1"
    assert udev.of_network(root, f"{root}/sys/class/net/ens2").done
    assert not udev.of_network(root, f"{root}/sys/class/net/ens3").done
