"""The disks of a machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.discover.stage1 import disks, udev
from tests.unit.discover.stage1 import machine_tree


def test_what_counts_as_a_disk(tmp_path: Path) -> None:
    """No CD drive, no loop device, no hidden path of an NVMe disk."""
    assert disks.present(str(machine_tree.write(tmp_path))) == ["nvme0n1", "sda", "vda"]


def test_a_disk_that_udev_gets_done_with_is_news(tmp_path: Path) -> None:
    """So that it is looked at again."""
    root = machine_tree.write(tmp_path)
    assert disks.settled(str(root)) == [("nvme0n1", True), ("sda", True), ("vda", False)]
    machine_tree.put(root, "run/udev/data/b254:0", "I:1\n")
    assert disks.settled(str(root))[2] == ("vda", True)


def test_a_disk_that_does_not_answer(tmp_path: Path) -> None:
    """Its name and size are known all the same, in the same form."""
    root = str(machine_tree.write(tmp_path))
    found = disks.unknown(root, "sda")
    assert (found["name"], found["size"]) == ("sda", 419430400)
    assert found.keys() == disks.describe(root, "sda").keys()


def test_an_empty_card_reader_is_none(tmp_path: Path) -> None:
    """Removable and without a size: nothing is in it."""
    machine_tree.put(tmp_path, "sys/block/sdb/removable", "1\n")
    machine_tree.put(tmp_path, "sys/block/sdb/size", "0\n")
    assert disks.present(str(tmp_path)) == []


def test_a_disk_with_a_file_system(tmp_path: Path) -> None:
    """All that udev and the kernel know of it."""
    root = str(machine_tree.write(tmp_path))
    assert disks.describe(root, "sda") == {
        "name": "sda",
        "size": 419430400,
        "by_id": ["/dev/disk/by-id/ata-QEMU_HARDDISK_EXT1"],
        "by_path": ["/dev/disk/by-path/pci-0000:00:05.0-ata-1"],
        "model": "QEMU HARDDISK",
        "serial": "EXT1",
        "wwn": "",
        "bus": "sata",
        "rotational": True,
        "removable": False,
        "read_only": False,
        "contents": [
            {"where": "", "kind": "gpt", "label": "", "size": 419430400, "system": ""},
            {"where": "sda1", "kind": "ext4", "label": "OLDROOT", "size": 314572800, "system": ""},
        ],
        "problem": "",
    }


def test_a_disk_that_udev_was_not_done_with(tmp_path: Path) -> None:
    """Its serial is the kernel's; that it hangs is said."""
    found = disks.describe(str(machine_tree.write(tmp_path)), "vda")
    assert (found["serial"], found["bus"], found["contents"]) == ("BLANK1", "virtio", [])
    assert found["problem"].startswith("udev was not done with it")


def test_a_disk_without_a_size(tmp_path: Path) -> None:
    """A dead one answers its name and nothing else."""
    machine_tree.put(tmp_path, "sys/block/sdb/size", "0\n")
    assert disks.describe(str(tmp_path), "sdb")["problem"] == "it says that it has no size"


def test_a_partition_without_a_file_system_has_its_own_name(tmp_path: Path) -> None:
    """The table's name of it, unescaped."""
    root = machine_tree.write(tmp_path)
    machine_tree.put(root, "run/udev/data/b8:1", "I:1\nE:ID_PART_ENTRY_NAME=my\\x20root\n")
    found = disks.describe(str(root), "sda")["contents"][1]
    assert (found["kind"], found["label"]) == ("unknown", "my root")


def test_a_link_with_odd_characters_is_left_out(tmp_path: Path) -> None:
    """Cleaned, it would name another disk."""
    root = machine_tree.write(tmp_path)
    machine_tree.put(root, "run/udev/data/b259:0", "S:disk/by-id/a\x07b\nS:disk/by-id/c\nI:1\n")
    assert disks.describe(str(root), "nvme0n1")["by_id"] == ["/dev/disk/by-id/c"]


@pytest.mark.parametrize(
    ("place", "name", "bus"),
    [
        ("pci0000:00/usb1/1-1/1-1:1.0/host6/target6:0:0/6:0:0:0/block", "sdc", "usb"),
        ("pci0000:00/host0/port-0:0/end_device-0:0/target0:0:0/0:0:0:0/block", "sdd", "sas"),
        ("pci0000:00/virtio2/host3/target3:0:0/3:0:0:0/block", "sde", "scsi"),
        ("pci0000:00/host8/target8:2:0/8:2:0:0/block", "sdf", "scsi"),
        ("platform/host9/session1/target9:0:0/9:0:0:1/block", "sdg", "iscsi"),
    ],
)
def test_buses(tmp_path: Path, place: str, name: str, bus: str) -> None:
    """Told by where in the machine a disk sits."""
    folder = tmp_path / "sys/devices" / place / name
    folder.mkdir(parents=True)
    assert disks.bus(str(folder), name) == bus


def test_very_many_partitions_are_cut(tmp_path: Path) -> None:
    """The bridge takes 256 contents of a disk."""
    for number in range(300):
        machine_tree.put(tmp_path, f"sys/block/sda/sda{number}/partition", f"{number}\n")
    found = disks.contents(str(tmp_path), "sda", udev.decode(""))
    assert len(found) == disks.MAX_CONTENTS
    assert [each["where"] for each in found[:3]] == ["sda1", "sda2", "sda3"]
