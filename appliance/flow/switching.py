"""A machine's switch as the flow reaches it: how to ask it, and what is kept of it.

Passwords come from the vault, certificates from what was seen at first contact.
"""

from __future__ import annotations

from typing import Any, Protocol

from appliance import advice
from appliance.errors import BmcLoginError
from appliance.flow.context import Context
from appliance.power import inventory
from appliance.power.model import Contact, Inventory, Power, PowerControl, Target, Way
from appliance.site.plan import MachinePlan
from appliance.tools.clock import as_text

PASSWORD = "bmc"
"""The vault's name for the password of all BMCs; `bmc-NAME` is that of one machine's."""


class MakeControl(Protocol):
    """How a switch is reached."""

    def __call__(self, target: Target, *, interface: str) -> PowerControl:
        """Give the way to one machine's switch."""
        ...


def own_control(target: Target, *, interface: str) -> PowerControl:
    """Give the way to one machine's switch that the site file names."""
    from appliance.power import controls  # noqa: PLC0415 - its libraries load for half a second

    return controls.control_of(target, interface=interface)


def is_switched(machine: MachinePlan) -> bool:
    """Whether anything but a person can switch it."""
    return machine.bmc.way is not Way.BY_HAND


def has_bmc(machine: MachinePlan) -> bool:
    """Whether a BMC switches it: only that wants a password, and switches off."""
    return machine.bmc.way in (Way.REDFISH, Way.IPMI)


def switch_words(machine: MachinePlan) -> str:
    """Name a machine's switch in a sentence."""
    if machine.bmc.way is Way.WAKE_ON_LAN:
        return "the magic packet"
    return f"the BMC of {machine.name} at {machine.bmc.address}"


def password_name(machine: str = "") -> str:
    """Give the vault's name of a password: one machine's, or that of all."""
    return f"{PASSWORD}-{machine}" if machine else PASSWORD


def target_of(context: Context, machine: MachinePlan) -> Target:
    """Give all that is needed to ask a machine's switch."""
    from appliance.power import controls  # noqa: PLC0415 - its libraries load for half a second

    vault = context.vault
    return controls.target_of(
        machine,
        password=vault.get(password_name(machine.name)) or vault.get(PASSWORD),
        fingerprint=kept_of(context, machine).get("fingerprint"),
    )


def kept_of(context: Context, machine: MachinePlan) -> dict[str, Any]:
    """Give what is kept of a machine's switch. A BMC at another address is another one."""
    kept = context.switches.get(machine.name)
    return kept if kept.get("address") == machine.bmc.address else {}


def said_of(context: Context, machine: MachinePlan) -> Inventory:
    """Give what its BMC last said the machine is; all is empty where it never did."""
    return inventory.from_json(kept_of(context, machine).get("inventory", {}))


def refuse_without_password(machine: MachinePlan, target: Target) -> None:
    """Raise BmcLoginError where a BMC wants a password that nobody has given."""
    if has_bmc(machine) and not (target.password and target.password.reveal()):
        raise BmcLoginError(
            f"the password of {machine.bmc.user} at the BMC of {machine.name} is not known",
            where=machine.bmc.address,
            fix=advice.missing_password(machine.name),
        )


def owes_disk(context: Context, machine: MachinePlan) -> bool:
    """Whether a run began with a machine, and its disk was not set as its boot device since."""
    return is_switched(machine) and bool(context.switches.get(machine.name).get("disk_due"))


def note_contact(context: Context, machine: MachinePlan, contact: Contact) -> str:
    """Keep what a first look found; give what to tell of its certificate, if it is new."""
    before = target_of(context, machine).fingerprint
    note(
        context,
        machine,
        fingerprint=contact.fingerprint or before,
        profile=contact.profile or None,
        **_reading(context, contact.power),
    )
    if before is not None or contact.fingerprint is None:
        return ""
    return (
        f"{machine.name}: its BMC shows the certificate sha256:{contact.fingerprint}, "
        "and is known by it from now on"
    )


def note_power(context: Context, machine: MachinePlan, power: Power) -> None:
    """Keep a reading."""
    note(context, machine, **_reading(context, power))


def note(context: Context, machine: MachinePlan, **said: Any) -> None:
    """Keep these values of a machine's switch; None takes one out. Raises StoreFullError.

    Of a BMC at another address nothing holds, its certificate least of all; what the machine's own
    disk is owed does.
    """
    kept = context.switches.get(machine.name)
    moved = kept.get("address") != machine.bmc.address
    gone = dict.fromkeys(kept.keys() - {"disk_due"}) if moved else {}
    context.switches.note(machine.name, **{**gone, "address": machine.bmc.address, **said})


def _reading(context: Context, power: Power) -> dict[str, Any]:
    said = {"power": power.value, "read_at": context.clock.utc(), "error": None}
    return {**said, "cycling_at": None} if power is Power.ON else said


def left_in_mid_cycle(context: Context, machine: MachinePlan) -> str:
    """Say that it was read as off after an off-and-on that did not end; empty where it was not."""
    kept = kept_of(context, machine)
    began = kept.get("cycling_at")
    if began is None or kept.get("power") != Power.OFF:
        return ""
    return f"it is off: an off-and-on that began {as_text(began)} has not switched it on again"
