"""What holds a machine and what is only told, each in the words an operator reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from appliance.discover.judge import (
    Chosen,
    against,
    duplicates,
    serial_of,
    shared_serials,
    shared_uuids,
    uuid_of,
    worth_telling,
)
from appliance.discover.report import Content, Disk, Nic
from appliance.discover.wanted import Code, Found, Wanted
from appliance.site.plan import Expect
from tests.reports import GB, GIB, card, disk, found, full, report, wanted


def said(one: Wanted, each: Found, data_disk: Disk | None = None) -> list[str]:
    """Give what speaks against installing on the first disk, as code and words."""
    chosen = Chosen(each.report.disks[0], data_disk) if each.report.disks else None
    return [f"{refusal.code}: {refusal}" for refusal in against(one, each, chosen)]


def told(one: Wanted | None, each: Found) -> list[str]:
    """Give what is told, as code and words."""
    return [f"{each.code}: {each}" for each in worth_telling(one, each)]


def test_a_machine_with_nothing_against_it() -> None:
    """Nor is anything told."""
    assert said(wanted(), found()) == []
    assert told(wanted(), found()) == []
    assert told(None, found()) == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threads": 15}, "it has 15 processor threads, and Harvester's installer stops there"),
        ({"memory": 57 * GIB}, "it has 57G of memory, and Harvester's installer stops there"),
        ({"disks": (disk(size=200 * GIB),)}, "nvme0n1 has 200G, and Harvester needs 250G"),
        (
            {"nics": (Nic("eno1", card(1), link=True, speed=1000),)},
            "its network runs at 1000 Mbit/s",
        ),
    ],
)
def test_hardware_below_the_minimum(changes: dict[str, Any], words: str) -> None:
    """Held, unless the site accepts small hardware."""
    (refusal,) = said(wanted(), found(**changes))
    assert refusal.startswith(f"small: {words}")
    assert "accept_small_hardware: true" in refusal
    assert said(wanted(accept_small_hardware=True), found(**changes)) == []


def test_what_is_not_known_is_not_judged() -> None:
    """No SMBIOS, no link speed: a virtual machine, or a driver that does not tell."""
    bare = found(threads=0, memory=0, nics=(Nic("eth0", card(1), link=True),))
    assert said(wanted(), bare) == []


def test_accepted_small_hardware_is_told_where_it_is_too_small_for_a_test() -> None:
    """8 threads and 32G are Harvester's own least."""
    small = found(threads=4, memory=3 * GIB)
    assert told(wanted(accept_small_hardware=True), small) == [
        "small: it has 4 processor threads: less than Harvester needs for a test",
        "small: it has 3G of memory: less than Harvester needs for a test",
    ]
    assert told(wanted(accept_small_hardware=True), found(threads=8, memory=30 * GIB)) == []


def test_an_installer_that_the_memory_does_not_hold() -> None:
    """Known before it is fetched, whatever is accepted; where a size is unknown, nobody is held."""
    one = wanted(accept_small_hardware=True, installer=3 * GIB)
    (refusal,) = said(one, found(memory=3 * GIB))
    assert refusal == (
        "no-room: its memory of 3.2 GB does not hold the installer, which has 3.2 GB "
        "→ give it more memory, or take another machine; then start it again"
    )
    assert said(one, found(memory=4 * GIB)) == []
    assert said(one, found(memory=0)) == []
    assert said(replace(one, installer=0), found(memory=GIB)) == []


def test_an_installer_that_a_machine_could_not_start() -> None:
    """Its own word for it, once, though its memory would tell the same."""
    one = wanted(accept_small_hardware=True, installer=3 * GIB)
    (refusal,) = said(one, found(memory=2 * GIB, failed="its installer has 3072 MiB, and …"))
    assert refusal.startswith("failed: its installer has 3072 MiB, and … → give it more memory")


def test_with_a_data_disk_less_is_enough() -> None:
    """And the data disk has a least size of its own."""
    system, data = disk("S1", size=200 * GIB), disk("S2", "nvme1n1", size=20 * GIB)
    both = found(disks=(system, data))
    (refusal,) = said(wanted(), both, data)
    assert refusal.startswith("small: nvme1n1 has 20G, and Harvester needs 50G → take a larger")
    assert "needs 250G" in said(wanted(), both, system)[0]


def test_a_disk_that_holds_data() -> None:
    """Held, naming what is on it; `erase` lets it go."""
    full_disk = found(disks=(disk(contents=full("ntfs", label="Photos")),))
    (refusal,) = said(wanted(), full_disk)
    what, _, fix = refusal.partition(" → ")
    disk_words = "nvme0n1 (960 GB, PM9A3, serial S1)"
    assert what == f"data: {disk_words} holds data: ntfs 'Photos' on nvme0n1p1"
    assert fix.startswith("type the machine's name to have it erased (--erase NAME)")
    assert said(wanted(erase=True), full_disk) == []


def test_a_data_disk_that_holds_data() -> None:
    """It is formatted too."""
    data = disk("S2", "nvme1n1", contents=full("xfs"))
    (refusal,) = said(wanted(), found(disks=(disk(), data)), data)
    assert refusal.startswith("data: nvme1n1")


def test_harvesters_own_earlier_installation_is_named() -> None:
    """So that nobody looks for a stranger's data."""
    (refusal,) = said(wanted(), found(disks=(disk(contents=full("ext4", label="COS_OEM")),)))
    assert "holds data: an earlier installation of Harvester" in refusal


def test_disks_that_cannot_be_installed_on() -> None:
    """Read-only, or hanging: not even `erase` helps."""
    one = wanted(erase=True)
    (refusal,) = said(one, found(disks=(disk(read_only=True),)))
    assert refusal.startswith("read-only: nvme0n1 (")
    assert "can only be read" in refusal
    (refusal,) = said(one, found(disks=(disk(problem="reading it took more than 10 s"),)))
    assert refusal.startswith("hung: ")
    assert "reading it took more than 10 s" in refusal


@pytest.mark.parametrize(
    ("kind", "of"),
    [("linux_raid_member", "a Linux RAID"), ("LVM2_member", "an LVM volume group")],
)
def test_a_member_of_what_spans_disks(kind: str, of: str) -> None:
    """Erasing one would take the others' data with it, unless they are given up too."""
    one, two = (disk(f"S{n}", f"sd{n}", contents=(Content(kind=kind),)) for n in (1, 2))
    both = found(disks=(one, two))
    refusals = said(wanted(), both)
    assert refusals[0].startswith("data: sd1")
    assert refusals[1].startswith(f"member: sd1 is part of {of}, and so may be sd2, which stays")
    assert len(said(wanted(erase=True), both)) == 1
    assert said(wanted(erase=True, wipe_disks=two.by_id[:1]), both) == []
    assert said(wanted(erase=True, wipe_all_disks=True), both) == []
    assert said(wanted(erase=True, data_disk=two.by_id[0]), both, two) == []
    assert said(wanted(erase=True), found(disks=(one, disk("S3", "sd3")))) == []


def test_what_is_erased_besides_is_told() -> None:
    """The file said so, and people still should know what it was."""
    other = disk("S2", "nvme1n1", contents=full("ext4", label="backup"))
    both = found(disks=(disk(), other))
    assert told(wanted(), both)[1:] == []  # the disks are alike, and that is all
    (words,) = told(wanted(wipe_all_disks=True), both)[1:]
    assert words.startswith("data: wipe_all_disks erases nvme1n1 (")
    assert "ext4 'backup'" in words
    (words,) = told(wanted(wipe_disks=other.by_id), both)[1:]
    assert words.startswith("data: wipe_disks erases nvme1n1 (")


ORDERED = Expect(cpus=64, memory=256 * GIB, disks=1, disk_size=960 * GB, nics=2, product="r650")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threads": 48}, "48 processor threads came, and 64 were ordered"),
        ({"memory": 240 * GIB}, "240G of memory came, and 256G were ordered"),
        ({"disks": (disk(removable=True),)}, "0 disks came, and 1 were ordered"),
        ({"disks": (disk(size=800 * GB),)}, "nvme0n1 has 800 GB, and 960 GB were ordered"),
        ({"nics": report().nics[:1]}, "1 network cards came, and 2 were ordered"),
        ({"product": "PowerEdge R640"}, "it is a PowerEdge R640, not a r650"),
    ],
)
def test_less_came_than_was_ordered(changes: dict[str, Any], words: str) -> None:
    """Held, with both figures."""
    one = wanted(expect=ORDERED)
    (refusal,) = said(one, found(**changes))
    assert refusal.startswith(f"not-as-ordered: {words}")
    assert "expect in the site file" in refusal


def test_what_was_ordered_came() -> None:
    """A little memory may be the firmware's."""
    one = wanted(expect=ORDERED)
    assert said(one, found()) == []
    assert said(one, found(memory=250 * GIB)) == []
    assert told(one, found()) == []


def test_more_came_than_was_ordered() -> None:
    """That is told, and holds nobody."""
    one = wanted(expect=Expect(cpus=32, memory=128 * GIB, disks=0, nics=1))
    assert said(one, found()) == []
    assert told(one, found()) == [
        "more-than-ordered: 64 processor threads came, and 32 were ordered",
        "more-than-ordered: 1 disks came, and 0 were ordered",
        "more-than-ordered: 2 network cards came, and 1 were ordered",
        "more-than-ordered: 256G of memory came, and 128G were ordered",
    ]


def test_identical_disks_are_told() -> None:
    """With what tells them apart; worse where nothing does."""
    one, two = disk("S1", "sda"), disk("S2", "sdb")
    alike = "identical-disks: sda, sdb are alike (PM9A3, 960 GB)"
    apart = "only their serial number or path tells them apart"
    assert told(None, found(disks=(two, one))) == [f"{alike}: {apart}"]
    twin = replace(two, by_id=one.by_id)
    no_name = "and no by-id name tells them apart: name one by /dev/disk/by-path/…"
    assert told(None, found(disks=(one, twin))) == [f"{alike}, {no_name}"]


def test_a_card_without_link_is_told() -> None:
    """A cable that was forgotten."""
    nics = (report().nics[0], Nic("eno2", card(1, 1)))
    assert told(None, found(nics=nics)) == [f"no-link: without link: eno2 ({card(1, 1)})"]


@pytest.mark.parametrize(
    ("clock", "words"),
    [
        (1000.0 + 61, ["clock: its clock is 1 min 01 s ahead"]),
        (1000.0 - 90, ["clock: its clock is 1 min 30 s behind"]),
        (1000.0 + 59, []),
        (0.0, []),
    ],
)
def test_a_clock_that_is_off_is_told(clock: float, words: list[str]) -> None:
    """Where both clocks are known."""
    assert told(None, found(clock=clock, at=1000.0)) == words
    assert told(None, found(clock=clock)) == []


def test_what_stage_1_could_not_find_out_is_told() -> None:
    """In its own words."""
    assert told(None, found(problems=("sdb hangs",))) == ["problem: not found out: sdb hangs"]


def test_identifiers_of_several_machines_are_told() -> None:
    """With the cards of all of them, and none of what vendors put on many."""
    pair = [found(1, serial="X1"), found(2, serial="x1 ", uuid=report(1).uuid), found(3)]
    serials, uuids = shared_serials(pair), shared_uuids(pair)
    words = [each.what for each in duplicates(pair[0], serials, uuids)]
    assert words == [
        f"2 machines report the serial number x1: {card(1)}, {card(2)}",
        f"2 machines report the UUID {report(1).uuid}: {card(1)}, {card(2)}",
    ]
    assert [each.code for each in duplicates(pair[0], serials, uuids)] == [Code.DUPLICATE] * 2
    assert duplicates(pair[2], serials, uuids) == ()
    junk = [found(n, serial="Default string", uuid=UUID(int=0)) for n in (1, 2)]
    assert shared_serials(junk) == shared_uuids(junk) == {}


def test_the_board_stands_in_for_a_junk_serial_number() -> None:
    """As on boards that are sold without a system around them."""
    assert serial_of(report(serial="To be filled by O.E.M.", board_serial=" ZM1 ")) == "zm1"
    assert serial_of(report(serial="A1", board_serial="ZM1")) == "a1"
    assert serial_of(report(serial="", board_serial="0")) == ""
    assert uuid_of(report(uuid=UUID(int=0))) == uuid_of(report(uuid=None)) == ""
