"""The syslog service: lines are kept under the machine that sent them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.boot.syslog_server import LINES_A_MINUTE, SyslogService
from tests.unit.boot.boot_world import World
from tests.unit.boot.running_loop import CLOCK, running, udp, until

Address = tuple[str, int]


@pytest.fixture
def address(world: World) -> Iterator[Address]:
    """Where the service listens."""
    with udp() as listening:
        made: list[SyslogService] = []
        with running(
            lambda loop: made.append(
                SyslogService(listening, loop=loop, state=world.state, clock=CLOCK)
            )
        ):
            yield listening.getsockname()
        made[0].close()


def test_lines_are_kept_per_machine(world: World, address: Address) -> None:
    """With severity and address; a stranger's line is kept without a machine."""
    with udp("127.0.0.11") as hv1, udp("127.0.0.150") as stranger:
        hv1.sendto(b"<131>ipxe: Could not open tftp://x", address)
        stranger.sendto(b"\x00\xff no syslog at all\n", address)
        until(lambda: len(world.events("syslog")) == 2)

    by_machine = {event.machine: event for event in world.events("syslog")}
    assert "Could not open tftp://x" in by_machine["hv1"].text
    assert dict(by_machine["hv1"].data) == {"address": "127.0.0.11", "severity": "3"}
    assert "no syslog at all" in by_machine[None].text
    assert world.store.events(machine="hv1", kind="syslog") == [by_machine["hv1"]]


def test_a_flood_is_cut_and_others_are_still_heard(world: World, address: Address) -> None:
    """One machine in a loop does not fill the disk."""
    with udp("127.0.0.11") as hv1, udp("127.0.0.12") as hv2:
        for start in range(0, LINES_A_MINUTE, 100):
            for number in range(start, start + 100):
                hv1.sendto(f"<14>line {number}".encode(), address)
            kept = start + 100
            until(lambda kept=kept: len(world.events("syslog")) == kept)  # type: ignore[misc]
        for _ in range(100):
            hv1.sendto(b"<14>one too many", address)
        hv2.sendto(b"<14>hello", address)
        until(lambda: any(event.machine == "hv2" for event in world.events("syslog")))

    assert len([e for e in world.events("syslog") if e.machine == "hv1"]) == LINES_A_MINUTE
