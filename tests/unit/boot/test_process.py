"""Main's side of the boot process: up, heard, started again, and given up with a reason."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.boot.control import Event, Order, RecordChanged, Reported
from appliance.boot.model import OrderKind
from appliance.boot.process import BootProcess
from appliance.errors import StepError
from appliance.machines.state import Evidence, Seen, State
from appliance.tools.clock import Clock
from tests.unit.boot.boot_world import HV2, HV2_ADDRESS, NETWORK, armed, held
from tests.unit.boot.running_loop import PATIENCE, reachable, tcp, udp, until

CLOCK = Clock.of_this_machine()
Sockets = dict[str, socket.socket]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder that the unprivileged process can reach."""
    reachable(tmp_path)
    return tmp_path / "boot"


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    """HTTP on a free port."""
    opened = {"http": tcp()}
    yield opened
    for each in opened.values():
        each.close()


@pytest.fixture
def process() -> Iterator[BootProcess]:
    """A boot process, stopped at the end."""
    process = BootProcess(clock=CLOCK, max_restarts=1)
    yield process
    process.stop()


def healthy(sockets: Sockets) -> bool:
    """Ask the services whether they are there."""
    with socket.create_connection(sockets["http"].getsockname(), PATIENCE) as stream:
        stream.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        stream.settimeout(PATIENCE)
        with stream.makefile("rb") as reply:
            return reply.read().endswith(b"ok\n")


def test_start_returns_when_the_services_answer(
    process: BootProcess, sockets: Sockets, folder: Path
) -> None:
    """And stop ends them; the sockets stay with main."""
    process.set_machines((armed(), held()))
    process.start(sockets, folder, NETWORK, ())
    assert healthy(sockets)
    pid = process.pid
    process.stop()

    assert pid is not None
    assert not Path("/proc", str(pid)).exists()
    assert sockets["http"].fileno() > 0
    process.stop()


def test_evidence_goes_in_and_records_come_out(
    process: BootProcess, sockets: Sockets, folder: Path
) -> None:
    """What main saw is folded by boot and comes back as the machine's record."""
    process.start(sockets, folder, NETWORK, ())
    process.set_machines((armed(), held()))
    process.inject(Evidence("hv1", Seen.SYSTEM_ANSWERS, 5.0, "it answers"))

    told = list(process.events(PATIENCE))
    while not any(isinstance(each, RecordChanged) for each in told):
        told += process.events(PATIENCE)
    (record,) = (each for each in told if isinstance(each, RecordChanged))
    assert (record.machine, record.record.state) == ("hv1", State.READY)
    assert list(process.events(0)) == []


def test_a_killed_child_is_started_again_with_all_it_knew(
    process: BootProcess, sockets: Sockets, folder: Path
) -> None:
    """A finding says so, and the machines are handed over again; the record comes from disk."""
    process.start(sockets, folder, NETWORK, ())
    process.set_machines((armed(), held()))
    process.inject(Evidence("hv1", Seen.HOOK_SUCCEEDED, 5.0, "done"))
    until(lambda: any(isinstance(each, RecordChanged) for each in process.events(0.1)))
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: process.pid not in (None, first))
    until(lambda: healthy(sockets))

    findings = [
        each.event.text
        for each in process.events(PATIENCE)
        if isinstance(each, Event) and each.event.kind == "finding"
    ]
    assert "ended with -9" in findings[0]
    with socket.create_connection(
        sockets["http"].getsockname(), PATIENCE, (str(armed().address), 0)
    ) as stream:
        stream.sendall(b"GET /m/525400000001.ipxe HTTP/1.0\r\n\r\n")
        with stream.makefile("rb") as reply:
            assert b"boots its own disk" in reply.read()


def test_a_child_that_dies_too_often_is_an_error(
    process: BootProcess, sockets: Sockets, folder: Path
) -> None:
    """After so many restarts main is told by an error, after the last event."""
    process.start(sockets, folder, NETWORK, ())
    killed: list[int] = []

    def kill() -> bool:
        pid = process.pid
        if pid is not None and pid not in killed:
            killed.append(pid)
            os.kill(pid, signal.SIGKILL)
        return process._failure is not None

    until(kill)

    with pytest.raises(StepError, match="died too often"):
        list(process.events(0))


def test_a_child_that_cannot_start_is_an_error_with_its_last_words(
    process: BootProcess, folder: Path
) -> None:
    """What it wrote to stderr is the reason shown."""
    left, right = socket.socketpair()
    with left, right, pytest.raises(StepError, match="did not start") as caught:
        process.start({"http": left}, folder, replace(NETWORK, mtu=1500), ())

    assert "Error" in caught.value.why
    assert process.pid is None


def _first_event(process: BootProcess) -> Event:
    """Give the first event of a kind that is told until main has it, and drop what else came."""
    found: list[Event] = []

    def come() -> bool:
        told = process.events(0.1)
        found.extend(each for each in told if isinstance(each, Event) and each.event.mark)
        return bool(found)

    until(come)
    return found[0]


def test_a_new_main_is_told_what_the_killed_one_never_read(
    process: BootProcess, sockets: Sockets, folder: Path
) -> None:
    """From the last that it has on, and before the record that follows from it."""
    process.set_machines((armed(), held()))
    process.start(sockets, folder, NETWORK, ())
    process.inject(Evidence("hv1", Seen.KERNEL_SENT, 5.0, "kernel"))
    first = _first_event(process)
    process.inject(Evidence("hv1", Seen.ROOTFS_SENT, 6.0, "rootfs"))
    second = _first_event(process)
    process.stop()

    for after, missing in (("", [first, second]), (first.event.mark, [second])):
        again = BootProcess(clock=CLOCK)
        again.set_machines((armed(), held()))
        again.start(sockets, folder, NETWORK, (), after=after)
        told = list(again.events(PATIENCE))
        again.stop()
        assert told[: len(missing)] == missing
        assert [type(each) for each in told[len(missing) :]] == [RecordChanged]


def test_a_child_that_is_started_again_repeats_nothing_that_was_read(
    process: BootProcess, sockets: Sockets, folder: Path
) -> None:
    """What was read before it died waits for main here."""
    process.set_machines((armed(), held()))
    process.start(sockets, folder, NETWORK, ())
    process.inject(Evidence("hv1", Seen.KERNEL_SENT, 5.0, "kernel"))
    first, child = _first_event(process), process.pid
    assert child is not None
    os.kill(child, signal.SIGKILL)
    until(lambda: process.pid not in (None, child))
    until(lambda: healthy(sockets))
    process.inject(Evidence("hv1", Seen.ROOTFS_SENT, 6.0, "rootfs"))

    assert first.event.text == "kernel"
    assert _first_event(process).event.text == "rootfs"


def test_released_sockets_are_closed_in_the_child_and_never_handed_on(
    process: BootProcess, sockets: Sockets, folder: Path
) -> None:
    """The address they are bound to is another machine's from then on, after a restart too."""
    sockets |= {"services_dns_udp": udp(), "services_dns_tcp": tcp(), "services_ntp": udp()}
    names = tuple(name for name in sockets if name != "http")
    process.start(sockets, folder, NETWORK, ())
    process.release(names)
    first = process.pid
    assert first is not None
    held = {str(each.readlink()) for each in Path("/proc", str(first), "fd").iterdir()}
    inodes = {name: f"socket:[{os.fstat(each.fileno()).st_ino}]" for name, each in sockets.items()}
    os.kill(first, signal.SIGKILL)
    until(lambda: process.pid not in (None, first))
    until(lambda: healthy(sockets))
    again = process.pid
    assert again is not None
    arguments = Path("/proc", str(again), "cmdline").read_text()

    assert "http=" in arguments
    assert not any(name in arguments for name in names)
    assert inodes["http"] in held
    assert held.isdisjoint(inodes[name] for name in names)
    process.stop()
    process.release(names)


def ask(sockets: Sockets, path: str, body: bytes | None = None) -> bytes:
    """Make a request as hv2's stage-1."""
    length = "" if body is None else f"Content-Length: {len(body)}\r\n"
    method = "GET" if body is None else "POST"
    address = sockets["http"].getsockname()
    with socket.create_connection(address, PATIENCE, (str(HV2_ADDRESS), 0)) as stream:
        stream.sendall(f"{method} {path} HTTP/1.0\r\n{length}\r\n".encode() + (body or b""))
        with stream.makefile("rb") as reply:
            return reply.read()


def test_a_stage1_that_runs_while_the_child_is_killed(
    process: BootProcess, sockets: Sockets, folder: Path
) -> None:
    """Its token is unknown then; with a new one it reports again, and hears main's orders."""
    process.set_machines((armed(), held()))
    process.start(sockets, folder, NETWORK, ())
    reports: list[Reported] = []

    def heard(count: int) -> bool:
        reports.extend(each for each in process.events(0.1) if isinstance(each, Reported))
        return len(reports) == count

    token = ask(sockets, f"/d/{HV2.bare}").split()[-1].decode()
    assert ask(sockets, f"/d/{token}/report", b"{}").endswith(b"taken\n")
    until(lambda: heard(1))
    first = process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: process.pid not in (None, first))
    until(lambda: healthy(sockets))

    assert b" 404 " in ask(sockets, f"/d/{token}/orders").splitlines()[0]
    token = ask(sockets, f"/d/{HV2.bare}").split()[-1].decode()
    assert ask(sockets, f"/d/{token}/report", b"{}").endswith(b"taken\n")
    until(lambda: heard(2))
    assert {(each.mac, each.machine, each.report) for each in reports} == {(HV2, "hv2", "{}")}
    process.order(Order(HV2, OrderKind.POWER_OFF))
    until(lambda: b'"poweroff"' in ask(sockets, f"/d/{token}/orders"))
