"""Machines that fail, fall silent or lose power: what is said of them, and that none is lost."""

from __future__ import annotations

import pytest

from tests.flow.rehearsed_site import OTHER, RehearsedSite, is_seen, is_step, says
from tests.flow.scripted_machine import Firmware, Point, PowerCut

pytestmark = pytest.mark.root


def test_a_lost_report_does_not_install_twice(site: RehearsedSite) -> None:
    """The image went out whole and no SUCCEEDED came: its own disk is tried, and answers."""
    machine = site.machine()
    machine.hooks_lost = True
    machine.power_on()
    run = site.run()
    assert run.end() == 0, run.errors
    seen = site.seen()
    assert (seen["hook-started"], seen["hook-succeeded"], seen["own-disk-script"]) == (0, 0, 1)
    assert machine.partitioned == 1
    assert run.ended["machines"] == {"hv1": "ready"}


def test_a_failed_installation_is_said_and_may_be_repeated(site: RehearsedSite) -> None:
    """FAILED is shown at once; switched off and on, the machine is installed again."""
    machine = site.machine()
    machine.install_fails = True
    machine.power_on()
    run = site.run()
    failed = run.until(says("hv1 is failed"))
    assert failed["data"] == {"state": "failed", "was": "started"}
    machine.install_fails = False
    machine.power_cycle()
    assert run.end() == 0, run.errors
    assert machine.partitioned == 2
    assert run.ended["machines"] == {"hv1": "ready"}


def test_a_power_cut_allows_one_more_installation_and_no_third(site: RehearsedSite) -> None:
    """Twice the power goes; the third time it waits and says why, until it is ordered anew."""
    machine = site.machine()

    def cut() -> None:
        raise PowerCut

    machine.at[Point.IMAGE_HALF] = cut
    machine.power_on()
    run = site.run()
    screen = machine.wait_for_screen("installations began")
    assert "provision reinstall SITE hv1 --yes" in screen
    run.until(says("hv1 is held"))
    assert machine.partitioned == 2
    run.interrupt()
    assert run.end() == 130
    machine.at.clear()
    site.done("reinstall", "hv1", "--yes")
    again = site.run()
    assert again.end() == 0, again.errors
    assert machine.partitioned == 3


def test_bios_is_refused_where_harvester_refuses_it(site: RehearsedSite) -> None:
    """The machine waits in iPXE and its screen says what to switch."""
    machine = site.machine(firmware=Firmware.BIOS)
    machine.power_on()
    run = site.run()
    screen = machine.wait_for_screen("UEFI firmware")
    assert "v1.8.2" in screen
    assert "switch this machine from BIOS" in screen
    run.until(is_seen("wait-script"))
    run.interrupt()
    assert run.end() == 130
    assert machine.partitioned == 0
    assert "switch this machine from BIOS" in site.done("status", "hv1")


def test_http_boot_goes_without_tftp(site: RehearsedSite) -> None:
    """UEFI HTTP boot fetches iPXE by its URL, and all else is the same."""
    machine = site.machine(firmware=Firmware.UEFI_HTTP)
    machine.power_on()
    run = site.run()
    assert run.end() == 0, run.errors
    taken = [each["text"] for each in run.history if is_seen("bootloader-sent")(each)]
    assert len(taken) == 2  # to install, and on the way to its own disk
    assert all(text.endswith("by HTTP") for text in taken)


def test_an_unknown_machine_waits_until_it_is_approved(site: RehearsedSite) -> None:
    """It is listed, and installs in the run that goes on, once it has a name and a disk."""
    stranger, machine = site.machine(OTHER), site.machine()
    run = site.run()
    run.until(is_step("s4"))
    stranger.power_on()
    stranger.wait_for_screen("approved")
    run.until(says("discover"))
    assert str(OTHER) in site.done("status")
    assert site.done("approve").split()[0] == str(OTHER)
    disk = ("--disk", "/dev/disk/by-id/virtio-C")
    site.done("approve", "--mac", str(OTHER), "--name", "hv2", *disk)
    run.until(says("approved machines: hv2"))
    machine.power_on()
    assert run.end(seconds=90) == 0, run.errors
    assert run.ended["machines"] == {"hv1": "ready", "hv2": "ready"}
    assert (stranger.partitioned, stranger.vip_answered) == (1, True)
    assert "waits to be approved" not in site.done("status")


def test_a_reinstallation_is_ordered_in_so_many_words(site: RehearsedSite) -> None:
    """Without --yes nothing happens; with it the machine is installed at its next network boot."""
    machine = site.machine()
    machine.power_on()
    assert site.run().end() == 0
    said = site.done("reinstall", "hv1", code=2)
    assert "hv1 would be lost" in said
    assert "--yes" in said
    site.done("reinstall", "hv1", "--yes")
    run = site.run()
    run.until(is_step("s4"))
    assert machine.partitioned == 1
    machine.power_cycle()
    assert run.end() == 0, run.errors
    assert machine.partitioned == 2
    assert site.done("reinstall", "hv7", "--yes", code=2).count("hv7") == 1
