"""PCI functions and USB devices."""

from __future__ import annotations

from pathlib import Path

from appliance.discover.stage1 import devices
from tests.unit.discover.stage1 import machine_tree


def test_the_recorded_machine(tmp_path: Path) -> None:
    """Named by the list; a controller's own entry and an interface are no USB devices."""
    assert devices.gather(str(machine_tree.write(tmp_path))) == {
        "pci": [
            {
                "slot": "0000:00:02.0",
                "vendor": 0x1AF4,
                "device": 0x1000,
                "class_code": 0x020000,
                "driver": "",
                "name": "Red Hat, Inc. Virtio network device",
            },
            {
                "slot": "0000:00:03.0",
                "vendor": 0x8086,
                "device": 0x100E,
                "class_code": 0x020000,
                "driver": "e1000",
                "name": "Intel Corporation 82540EM",
            },
        ],
        "usb": [{"vendor": 0x0627, "product": 1, "name": "Adomax Technology Co., Ltd"}],
    }


def test_a_device_that_says_its_name_keeps_it(tmp_path: Path) -> None:
    """What the device says counts before the list."""
    root = machine_tree.write(tmp_path)
    machine_tree.put(root, "sys/bus/usb/devices/1-1/product", "QEMU USB Tablet\n")
    assert devices.gather(str(root))["usb"][0]["name"] == "QEMU USB Tablet"


def test_without_the_list_there_are_numbers(tmp_path: Path) -> None:
    """A missing list loses the names, not the devices."""
    root = machine_tree.write(tmp_path)
    (root / devices.NAMES).unlink()
    assert [each["name"] for each in devices.gather(str(root))["pci"]] == ["", ""]
