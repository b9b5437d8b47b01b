"""Machines that nobody knows show themselves by stage-1, and are installed by what they say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event

import pytest

from appliance.discover.report import Content
from tests.flow.rehearsed_site import (
    CREATE,
    JOIN,
    OTHER,
    RehearsedSite,
    is_step,
    rehearsed_site,
    says,
)
from tests.flow.scripted_machine import Firmware, Point, ScriptedMachine, report_of

pytestmark = pytest.mark.root

_SITE = """\
site: alpha
networks:
  main: {cidr: 10.77.0.0/24, gateway: 10.77.0.1}
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {role: create, match: {serial: SN-11}, disk: "size >= 250G, not usb"}
"""
_JOINING = '    hv2: {role: join, mac: "52:54:00:77:00:12", disk: "size >= 250G, not usb"}\n'
_DATA = (Content("", "gpt"), Content("vda1", "ext4", "photos"))


@pytest.fixture
def unknown() -> Iterator[RehearsedSite]:
    """A site of one machine, told by its serial number, on a disk to be found."""
    with rehearsed_site(_SITE, stage1=True) as made:
        yield made


def _disks(machine: ScriptedMachine) -> list[str]:
    """The disk that each installation was told to write."""
    assert machine.disk is not None
    return [machine.disk["install"]["device"]]


def test_a_site_of_unknown_machines_installs_untouched() -> None:
    """No MAC address, no path of a disk; by three ways of booting, each installed once."""
    with rehearsed_site(_SITE + _JOINING, stage1=True) as site:
        hv1 = site.machine(CREATE)
        hv2 = site.machine(JOIN, Firmware.UEFI_HTTP)
        run = site.run()
        run.until(is_step("s4"))
        hv1.power_on()
        hv2.power_on()
        assert run.end(seconds=120) == 0, run.errors
        assert run.ended["machines"] == {"hv1": "ready", "hv2": "ready"}
        assert (hv1.partitioned, hv2.partitioned) == (1, 1)
        assert _disks(hv1) == ["/dev/disk/by-id/virtio-11"]
        assert _disks(hv2) == ["/dev/disk/by-id/virtio-12"]
        assert hv2.vip_answered
        # The order is kept to: nothing asked for a script in between.
        assert Point.IPXE not in hv1.reached[: hv1.reached.index(Point.KERNEL)]
        known = json.loads(site.done("status", "--json"))
        assert known["waiting"] == {}
        assert known["machines"]["hv1"]["macs"] == [str(CREATE)]
        again = site.run()
        assert again.end() == 0, again.errors
        assert hv1.partitioned == 1


def test_an_unknown_machine_is_listed_and_approved_with_a_disk_of_its_report(
    unknown: RehearsedSite,
) -> None:
    """It is nobody's: it shows its disks, blinks when asked, and installs once it has a name."""
    stranger, machine = unknown.machine(OTHER), unknown.machine(CREATE)
    (disk,) = stranger.report.disks
    full = replace(disk, name="vdb", by_id=("/dev/disk/by-id/virtio-full",), contents=_DATA)
    stranger.report = report_of(OTHER, disks=(disk, full))
    run = unknown.run()
    run.until(is_step("s4"))
    stranger.power_on()
    run.until(says(f"{OTHER} reported"))
    listed = unknown.done("approve")
    assert f"{OTHER}  waits to be approved" in listed
    assert "ext4 'photos' on vda1" in listed
    unknown.done("blink", "SN-99")
    refused = unknown.done("approve", "SN-99", "--name", "hv2", "--disk", "vdb", code=2)
    assert "--erase hv2" in refused
    assert stranger.partitioned == 0
    unknown.done("approve", "SN-99", "--name", "hv2", "--disk", "vda")
    run.until(says("approved machines: hv2"))
    machine.power_on()
    assert run.end(seconds=120) == 0, run.errors
    assert run.ended["machines"] == {"hv1": "ready", "hv2": "ready"}
    assert _disks(stranger) == ["/dev/disk/by-id/virtio-99"]
    assert (stranger.partitioned, stranger.blinks) == (1, 1)


def test_what_speaks_against_a_machine_is_on_its_screen(unknown: RehearsedSite) -> None:
    """Two disks match; then one is chosen, and holds data; then its name is typed."""
    machine = unknown.machine(CREATE)
    (disk,) = machine.report.disks
    full = replace(disk, name="vdb", by_id=("/dev/disk/by-id/virtio-full",), contents=_DATA)
    machine.report = report_of(CREATE, disks=(disk, full))
    run = unknown.run()
    run.until(is_step("s4"))
    machine.power_on()
    machine.wait_for_screen("2 disks match 'size >= 250G, not usb'")
    assert "2 disks match" in unknown.done("status", "hv1")
    refused = unknown.done("approve", "hv1", "--name", "hv1", "--disk", "vdb", code=2)
    assert "holds data: ext4 'photos' on vda1" in refused
    assert (machine.partitioned, machine.disk) == (0, None)
    unknown.done("approve", "hv1", "--name", "hv1", "--disk", "vdb", "--erase", "hv1")
    assert run.end(seconds=120) == 0, run.errors
    assert _disks(machine) == ["/dev/disk/by-id/virtio-full"]
    assert machine.partitioned == 1


def test_swapped_boxes_are_pointed_out(unknown: RehearsedSite) -> None:
    """The box of another serial number is hv1: one command, and it installs."""
    machine = unknown.machine(OTHER)
    run = unknown.run()
    run.until(is_step("s4"))
    machine.power_on()
    run.until(says(f"{OTHER} reported"))
    assert f"{OTHER} is hv1 from now on" in unknown.done("identify", "SN-99", "hv1")
    assert run.end(seconds=120) == 0, run.errors
    assert run.ended["machines"] == {"hv1": "ready"}
    assert machine.partitioned == 1


def test_the_appliance_is_killed_while_a_machine_waits(unknown: RehearsedSite) -> None:
    """What it reported is kept; it asks on, and is installed by the next run, once."""
    machine = unknown.machine(CREATE)
    (disk,) = machine.report.disks
    machine.report = report_of(CREATE, disks=(replace(disk, contents=_DATA),))
    run = unknown.run()
    run.until(is_step("s4"))
    machine.power_on()
    machine.wait_for_screen("holds data")
    run.kill()
    unknown.done("approve", "SN-11", "--name", "hv1", "--erase", "hv1")
    again = unknown.run()
    assert again.end(seconds=120) == 0, again.errors
    assert machine.partitioned == 1
    assert again.ended["machines"] == {"hv1": "ready"}


def test_a_machine_found_by_an_earlier_run_shows_its_disks_again(unknown: RehearsedSite) -> None:
    """It was blank, and armed, when the run was killed; somebody's photos are on it by now."""
    machine, gate = unknown.machine(CREATE), Event()
    machine.at[Point.ORDERS] = _until(gate)
    run = unknown.run()
    run.until(is_step("s4"))
    machine.power_on()
    run.until(says("it is installed on /dev/disk/by-id/virtio-11"))
    run.kill()
    gate.set()
    machine.power_off()
    (disk,) = machine.report.disks
    machine.report = report_of(CREATE, disks=(replace(disk, contents=_DATA),))
    again = unknown.run()
    again.until(is_step("s4"))
    machine.power_on()
    machine.wait_for_screen("holds data")
    assert machine.partitioned == 0
    unknown.done("approve", "SN-11", "--name", "hv1", "--erase", "hv1")
    assert again.end(seconds=120) == 0, again.errors
    assert machine.partitioned == 1


def test_a_boot_under_way_is_ended_by_no_killed_run_and_by_no_rival(
    unknown: RehearsedSite,
) -> None:
    """Between its script and its configuration; the rival is not installed in its place."""
    machine, rival, gate = unknown.machine(CREATE), unknown.machine(OTHER), Event()
    rival.report = report_of(OTHER, serial="SN-11")
    machine.at[Point.CONFIG] = _until(gate)
    run = unknown.run()
    run.until(is_step("s4"))
    machine.power_on()
    machine.wait_for(Point.CONFIG)
    run.kill()
    again = unknown.run()
    again.until(is_step("s4"))
    rival.power_on()
    again.until(says("hv1 begins no installation"))
    rival.wait_for(Point.ORDERS, count=rival.reached.count(Point.ORDERS) + 3)
    gate.set()
    assert again.end(seconds=120) == 0, again.errors
    assert (machine.partitioned, rival.partitioned) == (1, 0)
    assert len(machine.config_urls) == 1


def _until(gate: Event) -> Callable[[], None]:
    def hold() -> None:
        assert gate.wait(60)

    return hold


def test_a_replaced_board_keeps_its_installation(unknown: RehearsedSite) -> None:
    """Another card and serial number, the same disk: it is pointed out, and goes to its disk."""
    machine = unknown.machine(CREATE)
    machine.power_on()
    assert unknown.run().end(seconds=120) == 0
    machine.power_off()
    board = unknown.machine(OTHER)
    board.disk = machine.disk
    board.report = report_of(OTHER, disks=machine.report.disks)
    run = unknown.run()
    run.until(is_step("s4"))
    board.power_on()
    run.until(says(f"{OTHER} reported"))
    assert f"{OTHER} is hv1 from now on" in unknown.done("identify", "SN-99", "hv1")
    board.wait_for(Point.UP)
    assert run.end(seconds=120) == 0, run.errors
    assert (machine.partitioned, board.partitioned) == (1, 0)
