"""Which switch a machine has: the one place where a way becomes what works it."""

from __future__ import annotations

from appliance.power.by_hand import ByHand
from appliance.power.ipmi import IpmiControl
from appliance.power.model import PowerControl, Target, Way
from appliance.power.redfish import RedfishControl
from appliance.power.wake_on_lan import WakeOnLan
from appliance.site.plan import ExpectedFirmware, MachinePlan
from appliance.values import Secret


def control_of(target: Target, *, interface: str) -> PowerControl:
    """Give the switch of a machine. Nothing is asked yet, and nothing sent.

    `interface` is the laptop's on the provisioning network, for what is no one's to route.
    """
    match target.way:
        case Way.REDFISH:
            return RedfishControl(target)
        case Way.IPMI:
            return IpmiControl(target)
        case Way.WAKE_ON_LAN:
            return WakeOnLan(target, interface=interface)
        case Way.BY_HAND:
            return ByHand(target)


def target_of(
    machine: MachinePlan, *, password: Secret | None = None, fingerprint: str | None = None
) -> Target:
    """Give a machine of the Plan as a target; `password` and `fingerprint` are the store's."""
    firmware = machine.firmware
    return Target(
        machine=machine.name,
        way=machine.bmc.way,
        address=machine.bmc.address,
        user=machine.bmc.user,
        password=password,
        fingerprint=fingerprint,
        system=machine.bmc.system,
        macs=(*machine.macs, *machine.other_macs),
        uefi=None if firmware is None else firmware is not ExpectedFirmware.BIOS,
    )
