"""The report as a whole, and that the bridge can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from appliance.discover import report as bridge_side
from appliance.discover.disk_choice import data_text
from appliance.discover.stage1 import disks, limited, report
from tests.unit.discover.stage1 import machine_tree


def _facts(root: Path) -> dict[str, Any]:
    facts = report.gather(str(machine_tree.write(root)))
    facts["disks"] = [disks.describe(str(root), name) for name in disks.present(str(root))]
    return facts


def test_the_bridge_reads_the_recorded_machine(tmp_path: Path) -> None:
    """Every field that stage-1 writes is one that the bridge knows, and comes out the same."""
    facts = _facts(tmp_path)
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
    facts = _facts(tmp_path)
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
    """Three disks: with data and a table, blank, and one whose device is not there."""
    root = str(machine_tree.write(tmp_path))
    dev = tmp_path / "devices"
    dev.mkdir()
    (dev / "nvme0n1").write_bytes(b"x" * 512)
    (dev / "vda").write_bytes(bytes(512))
    found = report.look_at_disks(root, str(dev))
    assert [disk["name"] for disk in found] == ["nvme0n1", "sda", "vda"]
    assert [each["kind"] for each in found[0]["contents"]] == ["unknown"]
    assert found[1]["problem"] == "reading it failed: No such file or directory"
    assert found[2]["contents"] == []
    capfd.readouterr()


def test_a_disk_that_hangs_is_said_with_what_is_known(tmp_path: Path) -> None:
    """Before it has described itself, and after."""
    root = str(machine_tree.write(tmp_path))
    nothing = report.disk_of(root, "sda", limited.Outcome((), late=True))
    assert (nothing["size"], nothing["problem"]) == (419430400, "reading it took more than 10 s")
    described = disks.describe(root, "sda")
    later = report.disk_of(root, "sda", limited.Outcome((described,), late=True))
    assert (later["serial"], later["problem"]) == ("EXT1", "reading it took more than 10 s")
    failed = report.disk_of(root, "sda", limited.Outcome((), late=False))
    assert failed["problem"] == "looking at it failed"


def test_a_disk_that_nobody_has_read_is_not_empty(tmp_path: Path) -> None:
    """The process that was to read it was ended, for want of memory say."""
    root = str(machine_tree.write(tmp_path))
    described = disks.describe(root, "vda")
    unread = report.disk_of(root, "vda", limited.Outcome((described,), late=False))
    assert (unread["contents"], unread["problem"]) == ([], "looking at it failed")
    blank = report.disk_of(root, "vda", limited.Outcome((described, {"raw": False}), late=False))
    assert blank["problem"] == described["problem"] != unread["problem"]


def test_a_disk_cut_short_never_seems_empty() -> None:
    """256 disks with a table and a partition each: the table alone would say so."""
    contents = [
        {"where": "", "kind": "gpt", "label": "", "size": 1, "system": ""},
        {"where": "sda1", "kind": "ext4", "label": "x" * 200, "size": 1, "system": ""},
        {"where": "sda2", "kind": "ext4", "label": "x" * 200, "size": 1, "system": ""},
    ]
    links = ["/dev/disk/by-id/" + "x" * 200] * 3
    many = [_disk(name=f"sd{n}", by_id=links, contents=contents) for n in range(256)]
    facts: dict[str, Any] = {"problems": [], "disks": many, "pci": [], "usb": []}
    read = bridge_side.decode(report.encode(facts, 0.0))
    assert {len(disk.contents) for disk in read.disks} == {1}
    assert all(data_text(disk) for disk in read.disks)


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
