"""The report as a whole, and that the bridge can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from appliance.discover import report as bridge_side
from appliance.discover.stage1 import report
from tests.unit.discover.stage1 import machine_tree


def test_the_bridge_reads_the_recorded_machine(tmp_path: Path) -> None:
    """Every field that stage-1 writes is one that the bridge knows, and comes out the same."""
    facts = report.gather(str(machine_tree.write(tmp_path)))
    raw = report.encode(facts, 1_767_225_600.5)
    read = bridge_side.decode(raw)
    assert json.loads(raw).keys() <= set(bridge_side.Report.__dataclass_fields__)
    assert read.problems == ()
    assert [disk.name for disk in read.disks] == ["nvme0n1", "sda", "vda"]
    assert read.disks[1].contents[1].label == "OLDROOT"
    assert [(str(nic.mac), nic.link, nic.model) for nic in read.nics] == [
        ("52:54:00:12:34:56", True, "Red Hat, Inc. Virtio network device"),
        ("52:54:00:12:34:57", False, "Intel Corporation 82540EM"),
    ]
    assert (read.threads, read.memory, read.firmware) == (2, 466492 * 1024, "bios")
    assert read.clock == 1_767_225_600.5


def test_every_key_is_one_of_the_bridges(tmp_path: Path) -> None:
    """Also inside disks, contents, cards, PCI and USB."""
    facts = report.gather(str(machine_tree.write(tmp_path)))
    for key, kind in (
        ("disks", bridge_side.Disk),
        ("nics", bridge_side.Nic),
        ("pci", bridge_side.Pci),
        ("usb", bridge_side.Usb),
    ):
        assert facts[key]
        for each in facts[key]:
            assert each.keys() == set(kind.__dataclass_fields__)
    for content in facts["disks"][1]["contents"]:
        assert content.keys() == set(bridge_side.Content.__dataclass_fields__)


def test_a_machine_of_which_nothing_can_be_read(tmp_path: Path) -> None:
    """An empty root gives a report all the same."""
    read = bridge_side.decode(report.encode(report.gather(str(tmp_path)), 0.0))
    assert (read.disks, read.nics, read.threads) == ((), (), 0)


def _disk(**more: Any) -> dict[str, Any]:
    return {"name": "sda", "size": 512, "contents": [], "problem": "", **more}


def test_what_reading_a_disk_adds() -> None:
    """Data without a name is unknown; a system belongs to its partition; a problem is a problem."""
    raw, blank, failing = _disk(), _disk(), _disk()
    report.add(raw, {"raw": True})
    report.add(blank, {"raw": False})
    report.add(failing, {"problem": "reading it failed"})
    assert [each["kind"] for each in raw["contents"]] == ["unknown"]
    assert (blank["contents"], failing["problem"]) == ([], "reading it failed")
    named = _disk(contents=[{"where": "sda1", "kind": "ext4", "system": ""}])
    report.add(named, {"raw": True})
    report.add(named, {"where": "sda1", "system": "Debian"})
    assert named["contents"] == [{"where": "sda1", "kind": "ext4", "system": "Debian"}]


def test_disks_are_read_in_children(tmp_path: Path, capfd: Any) -> None:
    """Three disks as files: blank, with data, and one that is not there."""
    (tmp_path / "sda").write_bytes(bytes(512))
    (tmp_path / "sdb").write_bytes(b"x" * 512)
    facts = {"disks": [_disk(), _disk(name="sdb"), _disk(name="sdc"), _disk(name="sdd", size=0)]}
    report.look_at_disks(facts, str(tmp_path))
    found = [(disk["problem"], len(disk["contents"])) for disk in facts["disks"]]
    missing = ("reading it failed: No such file or directory", 0)
    assert found == [("", 0), ("", 1), missing, ("", 0)]
    capfd.readouterr()


def test_a_report_always_fits() -> None:
    """256 disks of 256 partitions and 512 devices: names of devices go first, disks stay."""
    content = {"where": "sda1", "kind": "ext4", "label": "x" * 200, "size": 1, "system": ""}
    disks = [
        _disk(name=f"sd{n}", by_id=["/dev/disk/by-id/" + "x" * 200] * 8, contents=[content] * 256)
        for n in range(256)
    ]
    pci = [{"slot": str(n), "name": "x" * 250} for n in range(512)]
    facts: dict[str, Any] = {"problems": ["p"] * 200, "disks": disks, "pci": pci, "usb": []}
    raw = report.encode(facts, 0.0)
    assert len(raw) <= report.MAX_REPORT == bridge_side.MAX_REPORT
    read = bridge_side.decode(raw)
    assert len(read.disks) == 256
    assert all(disk.by_id for disk in read.disks)
    assert "not all of its disks" in read.problems[-1]
    assert len(facts["disks"][0]["contents"]) == 256
