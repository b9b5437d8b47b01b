"""What goes wrong on a site, done on purpose: power cut, cable pulled, report lost.

Each waits for the moment by the machine's own console, never by a timer, and raises
DeadlineError when the moment does not come.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from appliance.errors import DeadlineError
from appliance.lab.machine import Machine
from appliance.lab.network import LabNetwork

DISK_PARTITIONED = "harvester-standin: install: disk partitioned"
SYSTEM_COPIED = "harvester-standin: install: system copied"
INSTALLED = "harvester-standin: install succeeded"
REPORT_LOST = "harvester-standin: hook SUCCEEDED failed"
NODE_READY = ": ready, "


def cut_power_at(machine: Machine, marker: str, timeout_s: float) -> None:
    """Cut the machine's power when its console shows `marker`, and press the button again.

    The disk keeps what had reached it; the UEFI variables stay.
    """
    seen = len(machine.console())
    _await(machine, marker, timeout_s, after=seen)
    machine.power_cycle()


@contextmanager
def unplugged(network: LabNetwork) -> Iterator[None]:
    """Keep the appliance's cable out for the length of the block."""
    network.unplug()
    try:
        yield
    finally:
        network.replug()


@contextmanager
def adapter_removed(network: LabNetwork) -> Iterator[None]:
    """Keep the appliance's network adapter out: its interface is gone, and comes back new."""
    network.remove_adapter()
    try:
        yield
    finally:
        network.insert_adapter()


def lose_success_report(network: LabNetwork, machine: Machine, timeout_s: float) -> None:
    """Let the machine's SUCCEEDED webhook reach nobody: it is sent once.

    The cable is out from the copied system, after which the installer fetches nothing more,
    until the installer has given the report up.
    """
    seen = len(machine.console())
    _await(machine, SYSTEM_COPIED, timeout_s, after=seen)
    with unplugged(network):
        _await(machine, REPORT_LOST, timeout_s, after=seen)


def _await(machine: Machine, marker: str, timeout_s: float, *, after: int) -> None:
    if machine.wait_for(marker, timeout_s, after=after):
        return
    last = [line for line in machine.console().splitlines() if line.strip()][-1:]
    raise DeadlineError(
        f"machine {machine.spec.name} did not show {marker!r} within {timeout_s:.0f} s",
        where=str(machine.paths.console),
        why=f"last line: {last[0].strip() if last else 'none'}",
        fix="look at that console",
    )
