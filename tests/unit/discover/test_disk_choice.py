"""Which disk is meant, by which name it is found again, and in which words it is refused."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import pytest

from appliance.discover.disk_choice import (
    chosen_disk,
    data_text,
    disk_at,
    disk_text,
    disks_text,
    matching_disks,
    stable_path,
)
from appliance.discover.report import Content, Disk, Report
from appliance.discover.wanted import Code, Refusal
from appliance.site.disk import parse_disk, parse_selector
from appliance.site.plan import DiskPlan
from tests.reports import GB, disk, full, report

STICK = Disk(
    name="sdz",
    size=500 * GB,
    by_id=("/dev/disk/by-id/usb-SanDisk_1",),
    model="Ultra",
    serial="1",
    bus="usb",
    removable=True,
)


def chosen(selector: str, *disks: Disk) -> str:
    """Give the path that a selector leads to, or the code of its refusal and the words."""
    found = chosen_disk(parse_disk(selector), report(disks=disks))
    return f"{found.code}: {found}" if isinstance(found, Refusal) else found[1]


def test_the_one_disk_that_matches() -> None:
    """By the name that bears its serial number."""
    small = disk("S9", "nvme1n1", size=100 * GB)
    assert chosen("size >= 250G", disk("S1"), small) == "/dev/disk/by-id/nvme-PM9A3_S1"
    assert chosen("size < 250G", disk("S1"), small) == "/dev/disk/by-id/nvme-PM9A3_S9"


def test_no_disk_matches() -> None:
    """The refusal says what there is instead."""
    said = chosen("size >= 2T", disk("S1"))
    assert said.startswith("no-match: no disk matches 'size >= 2T': it has nvme0n1 (960 GB, PM9A3")
    assert "→" in said
    assert "it has no disk" in chosen("size >= 2T")


def test_two_disks_match() -> None:
    """None of them is guessed, in whatever order they are reported; each is named."""
    pair = (disk("S1"), disk("S2", "nvme1n1"))
    said = {chosen("size >= 250G", *order) for order in permutations(pair)}
    assert len(said) == 1
    words = said.pop()
    assert words.startswith("several-disks: 2 disks match 'size >= 250G': nvme0n1 (")
    assert "serial S1" in words
    assert "serial S2" in words


def test_a_broken_disk_makes_no_other_the_only_match() -> None:
    """Which of the two was meant is for people to say."""
    hung = disk("S2", "nvme1n1", problem="reading it took more than 10 s")
    assert chosen("size >= 250G", disk("S1"), hung).startswith("several-disks")


def test_usb_and_removable_disks_are_never_chosen_unasked() -> None:
    """The stick that somebody left in the machine."""
    assert chosen("size >= 250G", STICK).startswith("no-match")
    assert chosen("size >= 250G", disk("S1"), STICK) == "/dev/disk/by-id/nvme-PM9A3_S1"
    for selector in ("usb", "removable", "bus = usb"):
        assert chosen(selector, disk("S1"), STICK) == "/dev/disk/by-id/usb-SanDisk_1"
    assert chosen("not removable, bus = usb", STICK).startswith("no-match")
    card_reader = replace(disk("S3"), removable=True)
    assert chosen("nvme", card_reader).startswith("no-match")


def test_an_empty_drive_is_no_disk() -> None:
    """A card reader without a card has size nought."""
    assert chosen("not usb", disk("S1", size=0)).startswith("no-match")


@pytest.mark.parametrize(
    ("selector", "serials"),
    [
        ("path ~ by-path/pci-0000:65", {"S1", "S2"}),
        ("path = /dev/disk/by-id/nvme-PM9A3_S2", {"S2"}),
        ("path !~ PM9A3_S1", {"S2"}),
        ("path != /dev/disk/by-id/nvme-PM9A3_S1", {"S2"}),
        ("serial = s1", {"S1"}),
        ("model ~ pm9, nvme, ssd", {"S1", "S2"}),
        ("rotational", set()),
    ],
)
def test_terms_of_a_selector(selector: str, serials: set[str]) -> None:
    """A path is any of a disk's names, and not a path is none of them."""
    found = matching_disks(
        parse_selector(selector), report(disks=(disk("S1"), disk("S2", "nvme1n1")))
    )
    assert {each.serial for each in found} == serials


def test_a_path_of_the_file_must_be_there() -> None:
    """A disk that died, or was put into another machine."""
    said = chosen("/dev/disk/by-id/nvme-other", disk("S1"))
    assert said.startswith("disk-absent: /dev/disk/by-id/nvme-other is none of its disks: nvme0n1")
    assert chosen("/dev/disk/by-path/pci-0000:65:00.0-nvme0n1", disk("S1")).endswith("nvme0n1")


def test_a_path_of_two_disks_names_none() -> None:
    """Disks of one maker with one serial number."""
    twin = replace(disk("S1"), name="nvme1n1")
    found = disk_at("/dev/disk/by-id/nvme-PM9A3_S1", report(disks=(disk("S1"), twin)))
    assert isinstance(found, Refusal)
    assert found.code is Code.UNSTABLE
    assert "names 2 of its disks" in found.what


def test_no_disk_named() -> None:
    """None is ever guessed, not even an only one; what there is can be chosen from."""
    for nothing in (None, DiskPlan(None, None)):
        found = chosen_disk(nothing, report())
        assert isinstance(found, Refusal)
        assert found.code is Code.NO_DISK
        assert "choose one: nvme0n1 (960 GB, PM9A3, serial S1" in found.fix


def test_a_selector_that_cannot_be_read() -> None:
    """It was frozen by another version."""
    found = chosen_disk(DiskPlan(None, "colour = red"), report())
    assert isinstance(found, Refusal)
    assert found.fix


@pytest.mark.parametrize(
    ("names", "best"),
    [
        (
            ("wwn-0x5000c500", "ata-ST1000_Z1X", "scsi-SATA_ST1000_Z1X", "scsi-0ATA_ST1000_Z1X"),
            "ata-ST1000_Z1X",
        ),
        (("nvme-eui.0025", "nvme-PM9A3_Z1X_1", "nvme-PM9A3_Z1X"), "nvme-PM9A3_Z1X"),
        (("scsi-35000c500", "wwn-0x5000c500"), "scsi-35000c500"),
        (("scsi-0QEMU_HARDDISK_drive0", "wwn-0x5000c500"), "wwn-0x5000c500"),
        (("virtio-Z1X", "lvm-pv-uuid-Z1X", "md-name-Z1X"), "virtio-Z1X"),
        (("ata-ST1000_Z1X-part1", "ata-ST1000_Z1X"), "ata-ST1000_Z1X"),
    ],
)
def test_the_best_name(names: tuple[str, ...], best: str) -> None:
    """With the serial number, then world-wide, then any; never of a partition or a volume."""
    for order in permutations(names):
        one = Disk("sda", GB, tuple(f"/dev/disk/by-id/{name}" for name in order), serial="Z1X")
        assert stable_path(one, Report(disks=(one,))) == f"/dev/disk/by-id/{best}"


def test_a_disk_known_by_its_place_alone() -> None:
    """By-path where no by-id is its own; nothing where not even that."""
    one, twin = disk("S1"), replace(disk("S1", "nvme1n1"))
    both = report(disks=(one, twin))
    assert stable_path(one, both) == "/dev/disk/by-path/pci-0000:65:00.0-nvme0n1"
    bare = Disk("vda", GB, by_id=("/dev/sda", "/dev/disk/by-id/a b"))
    assert stable_path(bare, Report(disks=(bare,))) is None
    said = chosen("not usb", bare)
    assert said.startswith("unstable-disk: vda (1.0 GB, /dev/sda, empty) has no name")


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ((), ""),
        ((Content(kind="gpt"),), ""),
        ((Content(kind="PMBR"),), "PMBR"),
        ((Content(kind="dos"),), ""),
        ((Content(kind="ext4", label="photos"),), "ext4 'photos'"),
        (full("ntfs", label="Windows"), "ntfs 'Windows' on nvme0n1p1"),
        (full(""), "something unknown on nvme0n1p1"),
        (full("swap"), "swap on nvme0n1p1"),
        (
            full("ext4", system="Debian GNU/Linux 12 (bookworm)"),
            "the installed system Debian GNU/Linux 12 (bookworm)",
        ),
        (
            full("ext4", label="COS_STATE"),
            "an earlier installation of Harvester, ext4 'COS_STATE' on nvme0n1p1",
        ),
        ((Content(kind="LVM2_member"),), "LVM2_member"),
        ((Content(kind="gpt", label="x"),), "gpt 'x'"),
        (
            tuple(Content(f"sda{n}", "ext4") for n in range(1, 9)),
            ", ".join(f"ext4 on sda{n}" for n in range(1, 7)) + " and 2 more",
        ),
    ],
)
def test_what_is_on_a_disk(contents: tuple[Content, ...], words: str) -> None:
    """An empty table is nothing; all else could be somebody's."""
    assert data_text(disk("S1", contents=contents)) == words


def test_disks_in_words() -> None:
    """By their kernel names, whatever the order."""
    pair = (disk("S2", "sdb"), disk("S1", "sda", contents=full()))
    text = disks_text(pair)
    assert text == disks_text(reversed(pair))
    assert text.startswith("sda (960 GB, PM9A3, serial S1, /dev/disk/by-id/nvme-PM9A3_S1, ext4 on")
    assert disk_text(pair[0]).endswith("empty)")
