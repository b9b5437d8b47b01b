"""The one boot decision: machine + record + client → install, own disk, discover, hold or ignore.

DHCP, TFTP, HTTP and the tests all call `decide`. It flips on evidence, never because a script
was served. "No" is a value with a reason; the reason is logged and shown on the machine's screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from appliance import advice
from appliance.boot.model import BootMachine
from appliance.machines.state import MAX_INSTALLS, Record, State
from appliance.site.plan import OwnDisk
from appliance.wire.pxe import Firmware


class Action(StrEnum):
    """What a machine that asks is to do."""

    INSTALL = "install"
    OWN_DISK = "own-disk"
    DISCOVER = "discover"
    HOLD = "hold"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Decision:
    """The action, why, and for an own-disk boot by which way."""

    action: Action
    reason: str
    own_disk: OwnDisk | None = None


def decide(
    machine: BootMachine | None,
    record: Record,
    *,
    firmware: Firmware | None,
    booting: bool,
) -> Decision:
    """Decide what a client is told.

    `machine` is None for a MAC that no machine of the site has. `firmware` is None where the
    request does not tell it (an iPXE script request by HTTP, say). `booting` is whether the
    client is a firmware or a boot loader, in contrast to a running system.
    """
    if machine is None:
        if not booting:
            return Decision(Action.IGNORE, "not of this site, and not booting from the network")
        return Decision(Action.DISCOVER, "not of this site: it waits to be approved")
    if machine.discover and (machine.installed or not record.installed):
        # An installed machine shows itself only where main, who knows that it is, says so.
        return Decision(Action.DISCOVER, machine.discover)
    if machine.installed or record.installed:
        return _own_disk(machine, record, "it is installed")
    hold = _hold(machine, record, firmware)
    if hold:
        return Decision(Action.HOLD, hold)
    if record.image_sent and record.own_disk_tries == 0:
        return _own_disk(
            machine, record, "it took the whole image but never reported: its disk is tried once"
        )
    if record.installs >= MAX_INSTALLS:
        return Decision(
            Action.HOLD,
            f"{record.installs} installations began and none ended: "
            f"see its log, then {advice.reinstall(machine.name)}",
        )
    return Decision(Action.INSTALL, "it is armed and not installed")


def _hold(machine: BootMachine, record: Record, firmware: Firmware | None) -> str:
    """Say why a machine that is not installed may not be; empty if it may."""
    if machine.documents is None or machine.hold:
        return machine.hold or "it is not armed"
    if firmware is Firmware.BIOS and machine.bios_refusal:
        return machine.bios_refusal
    if record.state is State.HELD:
        return record.reason or record.last_text or "it is held"
    return f"it waits for {machine.waits_for}" if machine.waits_for else ""


def _own_disk(machine: BootMachine, record: Record, reason: str) -> Decision:
    ways = list(OwnDisk)
    first = ways.index(OwnDisk(machine.own_disk))
    way = ways[(first + record.own_disk_tries) % len(ways)]
    return Decision(Action.OWN_DISK, reason, way)
