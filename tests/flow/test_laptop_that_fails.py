"""What happens to the laptop while machines install: adapter, boot process, disk, Ctrl-C."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.flow.rehearsed_site import INTERFACE, RehearsedSite, is_seen, is_step, says
from tests.flow.scripted_machine import Point

pytestmark = pytest.mark.root


def _processes(site: RehearsedSite) -> dict[int, str]:
    """Give the command lines of all processes on the appliance's side."""
    words = ["ip", "netns", "pids", site.network.appliance]
    pids = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
    return {
        int(pid): Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        for pid in pids
        if Path(f"/proc/{pid}").exists()
    }


def _boot_child(site: RehearsedSite) -> int:
    (pid,) = (pid for pid, words in _processes(site).items() if "appliance.boot.child" in words)
    return pid


def test_ctrl_c_leaves_nothing_behind(site: RehearsedSite) -> None:
    """Code 130; the interface's address and the boot process are gone, and the run is noted."""
    run = site.run()
    run.until(is_step("s4"))
    assert "10.77.0." in site.addresses()
    assert len(_processes(site)) >= 2
    run.interrupt()
    assert run.end() == 130
    assert run.ended["outcome"] == "interrupted"
    assert (site.addresses(), _processes(site)) == ("", {})


def test_killed_it_leaves_no_orphan_that_answers(site: RehearsedSite) -> None:
    """When main is killed the boot process ends by itself."""
    run = site.run()
    run.until(is_step("s4"))
    child = _boot_child(site)
    watched = os.pidfd_open(child)
    try:
        run.kill()
        signal_of_end = _wait_end(watched, 20)
    finally:
        os.close(watched)
    assert signal_of_end
    assert _processes(site) == {}


def _network(site: RehearsedSite) -> tuple[str, str, str]:
    """Give how the appliance's network stands: address, routing rules, forwarding."""
    rules = subprocess.run([*site.inside, "ip", "rule"], check=True, capture_output=True, text=True)
    path = f"/proc/sys/net/ipv4/conf/{INTERFACE}/forwarding"
    forwarding = subprocess.run(
        [*site.inside, "cat", path], check=True, capture_output=True, text=True
    )
    return site.addresses(), rules.stdout, forwarding.stdout


def _forward(site: RehearsedSite) -> None:
    """Let the laptop forward, as one with containers or a VPN does."""
    words = ["sysctl", "-q", "-w", f"net.ipv4.conf.{INTERFACE}.forwarding=1"]
    subprocess.run([*site.inside, *words], check=True)


def test_what_a_killed_run_set_is_taken_back_by_undo(site: RehearsedSite) -> None:
    """Address, rules and forwarding are as before; undo says so, once; the machine is left alone.

    While a run goes on it is refused.
    """
    _forward(site)
    before = _network(site)
    run = site.run()
    run.until(is_step("s4"))
    assert "another run holds this site" in site.done("undo", code=3)
    run.kill()
    left = _network(site)
    assert all(now != was for now, was in zip(left, before, strict=True))
    said = site.done("undo")
    assert _network(site) == before
    for words in ("10.77.0.", "routing rules", "forwarding"):
        assert words in said
    assert "nothing is left" in site.done("undo")
    assert _network(site) == before


def test_the_run_after_a_killed_one_takes_back_what_both_set(site: RehearsedSite) -> None:
    """It finds the address there already, and at its end all is as before the first."""
    _forward(site)
    before = _network(site)
    run = site.run()
    run.until(is_step("s4"))
    run.kill()
    again = site.run()
    again.until(is_step("s4"))
    again.interrupt()
    assert again.end() == 130
    assert _network(site) == before
    assert "nothing is left" in site.done("undo")


def test_the_adapter_may_be_pulled_in_the_middle_of_the_image(site: RehearsedSite) -> None:
    """A new interface of the same name is opened again, and the same installation ends well."""
    machine = site.machine()
    back = threading.Event()
    machine.at[Point.IMAGE_HALF] = lambda: _wait_once(machine.at, back)
    machine.power_on()
    run = site.run()
    run.until(is_seen("image-asked"))
    machine.wait_for(Point.IMAGE_HALF)
    site.network.remove_adapter()
    run.until(says(f"{INTERFACE} is gone"))
    site.network.insert_adapter()
    run.until(says(f"{INTERFACE} is back"))
    back.set()
    assert run.end() == 0, run.errors
    assert machine.partitioned == 1
    assert site.seen()["config-sent"] == 1
    assert site.addresses() == ""


def test_a_killed_boot_process_is_started_again(site: RehearsedSite) -> None:
    """kill -9 of the child in the middle of the image costs the machine a repeated request."""
    machine = site.machine()
    back = threading.Event()
    machine.at[Point.IMAGE_HALF] = lambda: _wait_once(machine.at, back)
    machine.power_on()
    run = site.run()
    machine.wait_for(Point.IMAGE_HALF)
    os.kill(_boot_child(site), signal.SIGKILL)
    run.until(says("it is started again"))
    back.set()
    assert run.end() == 0, run.errors
    assert machine.partitioned == 1
    seen = site.seen()
    assert (seen["install-script"], seen["hook-succeeded"]) == (1, 1)


def test_a_second_run_says_who_holds_the_site(site: RehearsedSite) -> None:
    """Code 3, with process and time of the first; that one goes on."""
    run = site.run()
    run.until(is_step("s3"))
    second = site.run()
    assert second.end() == 3
    (error,) = second.history
    assert error["code"] == "BH203"
    assert f"process {run.process.pid}, provision run" in error["why"]
    run.until(is_step("s4"))
    said = site.done("reinstall", "hv1", "--yes", code=3)
    assert "another run holds this site" in said
    run.interrupt()
    assert run.end() == 130


def test_a_full_disk_loses_nothing(site: RehearsedSite) -> None:
    """It is told while the run goes on; with space again all is written and nobody loses a disk."""
    machine = site.machine()
    with site.on_a_disk_of("24m"):
        filler = site.state / "filler"
        machine.at[Point.CONFIG] = lambda: _fill(machine.at, filler)
        machine.power_on()
        run = site.run()
        run.until(says("the disk of this laptop is full"))
        run.until(is_seen("hook-succeeded"))
        filler.unlink()
        assert run.end(seconds=90) == 0, run.errors
        assert run.ended["machines"] == {"hv1": "ready"}
        assert machine.partitioned == 1
        again = site.run()
        assert again.end(seconds=90) == 0, again.errors
        assert machine.partitioned == 1


def _fill(hooks: dict[Point, Callable[[], None]], path: Path) -> None:
    hooks.clear()
    with path.open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(1 << 12)):
                pass
        except OSError:
            return


def _wait_once(hooks: dict[Point, Callable[[], None]], event: threading.Event) -> None:
    hooks.clear()
    assert event.wait(60)


def _wait_end(descriptor: int, seconds: float) -> bool:
    return bool(select.select([descriptor], [], [], seconds)[0])
