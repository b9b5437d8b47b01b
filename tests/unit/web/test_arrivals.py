"""Machines that show themselves, as page 3 is given them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from appliance.discover.report import Content
from appliance.errors import InputError
from appliance.values import Mac
from appliance.web.arrivals import arrivals, boxes, one_machine
from tests.flow.scripted_machine import report_of
from tests.unit.web.test_pages_run import TWO, hear, look
from tests.unit.web.wizard_world import World


def test_a_machine_is_there_with_disks_and_the_names_it_may_have(world: World) -> None:
    """The one blank disk is proposed; a name that has a machine already is not."""
    assert arrivals(look(world)).waiting == ()
    hear(world, TWO)
    found = arrivals(look(world))
    (each,) = found.waiting
    assert (each.mac, each.reported, each.proposed) == (str(TWO), True, "vda")
    assert each.disks[0].path == "/dev/disk/by-id/virtio-02"
    assert found.free == ("hv2",)


def test_no_disk_is_proposed_where_there_is_a_choice(world: World) -> None:
    """Two blank ones, or none, or only a stick: people choose."""
    (disk,) = report_of(TWO).disks
    second = replace(disk, name="vdb", by_id=("/dev/disk/by-id/virtio-b",), by_path=())
    full = replace(disk, contents=(Content("1", "xfs", "pics"),))
    stick = replace(disk, removable=True)
    for disks in ((disk, second), (full,), (stick,), ()):
        hear(world, TWO, report_of(TWO, disks=disks))
        (each,) = arrivals(look(world)).waiting
        assert each.proposed == ""


def test_a_box_that_only_asked_to_boot_is_shown_by_its_address(world: World) -> None:
    """Without a report nothing but the address is known."""
    with look(world).writing() as context:
        context.tell("decision", "x", data={"mac": str(TWO), "action": "hold", "reason": "unknown"})
    (each,) = arrivals(look(world)).waiting
    assert (each.mac, each.reported, each.disks, each.proposed) == (str(TWO), False, (), "")


def test_one_machine_has_its_facts_its_history_and_its_log(world: World) -> None:
    """By its name in the site, or by the address of one that waits."""
    hear(world, TWO)
    waits = one_machine(look(world), str(TWO))
    assert dict(waits.facts)["serial"] == "SN-02"
    assert waits.events == ()
    with look(world).writing() as context:
        context.tell("evidence", "first", machine="hv1")
        context.tell("evidence", "second", machine="hv1")
        context.site_paths.reports.mkdir()
        (context.site_paths.reports / "hv1-live.log").write_text("said\x1b[2J\nmore")
    known = one_machine(look(world), "hv1")
    assert [text for _, _, text in known.events] == ["second", "first"]
    assert known.log == "said·[2J\nmore"
    for which in ("nobody", "../hv1", str(Mac("525400000009"))):
        with pytest.raises(InputError, match="no machine is called"):
            one_machine(look(world), which)


def test_every_box_that_was_heard_is_there_to_choose(world: World) -> None:
    """By its card, with what it said of itself if it did; those that are known too."""
    hear(world, TWO)
    with look(world).writing() as context:
        context.tell("decision", "discover: …", data={"mac": "52:54:00:00:00:09"})
    assert boxes(look(world)) == (
        (str(TWO), f"Rehearsal Scripted, serial SN-02, 32 threads, 137 GB of memory, {TWO}"),
        ("52:54:00:00:00:09", "52:54:00:00:00:09"),
    )
