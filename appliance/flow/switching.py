"""A machine's switch as the flow reaches it: how to ask it, and what people ask of it.

Passwords come from the vault, certificates from what was seen at first contact. What people ask
is done at once; only what could hurt a machine that is installed, or being installed, wants its
name typed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from appliance.errors import BmcLoginError, InputError, PowerError
from appliance.flow.choosing import machine_of
from appliance.flow.context import Context
from appliance.flow.reports import report_of_machine
from appliance.flow.roll import record_from_json
from appliance.machines.state import Record, State
from appliance.power import inventory
from appliance.power.model import (
    Contact,
    Inventory,
    InventoryDisk,
    Power,
    PowerControl,
    Target,
    Way,
)
from appliance.site.plan import MachinePlan, Plan
from appliance.tools.clock import as_text
from appliance.values import Secret

PASSWORD = "bmc"
"""The vault's name for the password of all BMCs; `bmc-NAME` is that of one machine's."""

_OBEY_SECONDS = 10
_BEING_INSTALLED = frozenset(
    {State.ROOTFS, State.CONFIG, State.STARTED, State.IMAGE, State.OWN_DISK}
)


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
        fingerprint=_kept(context, machine).get("fingerprint"),
    )


def _kept(context: Context, machine: MachinePlan) -> dict[str, Any]:
    """Give what is kept of a machine's switch. A BMC at another address is another one."""
    kept = context.switches.get(machine.name)
    return kept if kept.get("address") == machine.bmc.address else {}


def refuse_without_password(machine: MachinePlan, target: Target) -> None:
    """Raise BmcLoginError where a BMC wants a password that nobody has given."""
    if machine.bmc.way in (Way.REDFISH, Way.IPMI) and not (
        target.password and target.password.reveal()
    ):
        raise BmcLoginError(
            f"the password of {machine.bmc.user} at the BMC of {machine.name} is not known",
            where=machine.bmc.address,
            fix=f"give it: provision power password SITE {machine.name}",
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
        **_read(context, contact.power),
    )
    if before is not None or contact.fingerprint is None:
        return ""
    return (
        f"{machine.name}: its BMC shows the certificate sha256:{contact.fingerprint}, "
        "and is known by it from now on"
    )


def note_power(context: Context, machine: MachinePlan, power: Power) -> None:
    """Keep a reading."""
    note(context, machine, **_read(context, power))


def note(context: Context, machine: MachinePlan, **said: Any) -> None:
    """Keep these values of a machine's switch; None takes one out. Raises StoreFullError.

    Of a BMC at another address nothing holds, its certificate least of all; what the machine's own
    disk is owed does.
    """
    kept = context.switches.get(machine.name)
    moved = kept.get("address") != machine.bmc.address
    gone = dict.fromkeys(kept.keys() - {"disk_due"}) if moved else {}
    context.switches.note(machine.name, **{**gone, "address": machine.bmc.address, **said})


def _read(context: Context, power: Power) -> dict[str, Any]:
    return {"power": power.value, "read_at": context.clock.utc(), "error": None}


@dataclass(frozen=True, slots=True)
class SwitchState:
    """What is known of one machine's switch. `read_at` is Unix seconds, 0 where never read."""

    machine: str
    way: Way
    switch: str
    power: Power = Power.UNKNOWN
    read_at: float = 0.0
    profile: str = ""
    fingerprint: str = ""
    error: str = ""
    against: str = ""
    """What says that it switches another machine."""
    differences: tuple[str, ...] = ()
    said: Inventory = field(default_factory=Inventory)
    """What its BMC last said the machine is."""

    @property
    def text(self) -> str:
        """The switch in one line."""
        words = [f"{self.power.value}, by {self.switch}"]
        words += [f"read {as_text(self.read_at)}"] if self.read_at else []
        words += [self.profile] if self.profile else []
        words += [f"certificate sha256:{self.fingerprint}"] if self.fingerprint else []
        words += [self.error] if self.error else []
        return "; ".join(words)

    def as_json(self) -> dict[str, Any]:
        """Give it as `--json` and the API show it."""
        return {
            "way": self.way.value,
            "switch": self.switch,
            "power": self.power.value,
            "read_at": as_text(self.read_at) if self.read_at else None,
            "profile": self.profile,
            "certificate": self.fingerprint,
            "error": self.error,
            "differences": list(self.differences),
            "inventory": inventory.as_json(self.said),
        }


def kept_state(
    context: Context, machine: MachinePlan, reported: Inventory | None = None
) -> SwitchState:
    """Give what was last known of a machine's switch; nothing is asked."""
    kept = _kept(context, machine)
    said = inventory.from_json(kept.get("inventory", {}))
    told = inventory.differences(machine, said, reported) if said != Inventory() else []
    return SwitchState(
        machine=machine.name,
        way=machine.bmc.way,
        switch=str(machine.bmc),
        power=Power(kept.get("power", Power.UNKNOWN)),
        read_at=kept.get("read_at", 0.0),
        profile=kept.get("profile", ""),
        fingerprint=kept.get("fingerprint", ""),
        error=kept.get("error", ""),
        against=inventory.identify(machine, said).against,
        differences=tuple(told),
        said=said,
    )


class Switchboard:
    """What people ask of the switches of one site. Everything here may take seconds."""

    def __init__(
        self,
        context: Context,
        plan: Plan,
        *,
        interface: str = "",
        make: MakeControl = own_control,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._context = context
        self._plan = plan
        self._interface = interface
        self._make = make
        self._pause = pause

    def machine(self, name: str) -> MachinePlan:
        """Find a machine by its name. Raises InputError."""
        return machine_of(self._plan, name)

    def status(self, name: str) -> SwitchState:
        """Ask a switch how it stands; what it does not answer is in the state as its error."""
        machine = self.machine(name)
        if is_switched(machine):
            try:
                self._contact(machine)
            except PowerError as error:
                note(self._context, machine, error=str(error))
        return self.kept(name)

    def inventory(self, name: str) -> Inventory:
        """Ask what the machine is, and keep it. Raises PowerError."""
        machine = self.machine(name)
        said = self._control(machine).inventory()
        note(self._context, machine, inventory=inventory.as_json(said))
        return said

    def probe(self, name: str, folder: Path) -> tuple[str, ...]:
        """Read all that a BMC tells by Redfish, changing nothing; give the files written.

        Raises InputError for a machine without such a BMC, or a folder that cannot be written.
        """
        from appliance.power.probe import probe, write_probe  # noqa: PLC0415 - loads long
        from appliance.power.redfish import RedfishControl  # noqa: PLC0415 - loads long

        control = self._control(self.machine(name))
        if not isinstance(control, RedfishControl):
            raise InputError(
                f"{name} is not switched by Redfish", why="only a Redfish service can be read so"
            )
        found = probe(control)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            written = tuple(str(each) for each in write_probe(found, folder))
        except OSError as error:
            raise InputError(
                "the folder cannot be written", where=str(folder), why=str(error)
            ) from error
        return (f"it fits the profile {found.fits}", *written, *found.unread)

    def kept(self, name: str) -> SwitchState:
        """Give what was last known of a switch; nothing is asked."""
        machine = self.machine(name)
        return kept_state(self._context, machine, reported_by(self._context, machine))

    def on(self, name: str) -> str:
        """Switch a machine on; give what came of it. Raises PowerError."""
        return self._act(name, "on", "switched on")

    def off(self, name: str, typed: str = "") -> str:
        """Switch a machine off at once; give what came of it. Raises InputError, PowerError."""
        self._refuse_harm(self.machine(name), typed, "off")
        return self._act(name, "off", "switched off")

    def cycle(self, name: str, typed: str = "") -> str:
        """Switch a machine off and on; give what came of it. Raises InputError, PowerError."""
        self._refuse_harm(self.machine(name), typed, "cycle")
        return self._act(name, "cycle", "switched off and on")

    def meet_anew(self, name: str) -> str:
        """Forget the certificate of a machine's BMC: the next one it shows is taken."""
        self.machine(name)
        self._context.switches.note(name, fingerprint=None)
        words = f"the certificate of the BMC of {name} is forgotten"
        self._context.tell("power-told", words, machine=name)
        return words

    def put_password(self, name: str, password: Secret) -> str:
        """Keep the password of one machine's BMC; without a name, that of all.

        With it the certificate is forgotten that this one BMC was known by.
        """
        if name:
            self.machine(name)
        if not password.reveal():
            raise InputError("an empty password is none", where="the password")
        self._context.vault.put(password_name(name), password)
        if name:  # who gives the password of one BMC has looked who it is
            self._context.switches.note(name, fingerprint=None)
        whose = f"the BMC of {name}" if name else "all BMCs that have none of their own"
        words = f"the password of {whose} is kept"
        self._context.tell("bmc-password", words, machine=name or None)
        return words

    def needs_name(self, name: str) -> str:
        """Say why switching a machine off wants its name typed; empty where it does not."""
        machine = self.machine(name)
        against = kept_state(self._context, machine).against
        if against:
            return against
        proven = self._context.proven.get(machine.name)
        record = record_from_json(dict(proven.record)) if proven.record else Record()
        if proven.installed is not None or record.installed or record.ordered:
            return "it is installed"
        return "it is being installed" if record.state in _BEING_INSTALLED else ""

    def _refuse_harm(self, machine: MachinePlan, typed: str, verb: str) -> None:
        why = self.needs_name(machine.name)
        if why and typed != machine.name:
            raise InputError(
                f"{machine.name} would be switched off hard",
                where="confirm",
                why=why,
                fix=f"say so: provision power {verb} SITE {machine.name} --yes",
            )

    def _control(self, machine: MachinePlan) -> PowerControl:
        target = target_of(self._context, machine)
        refuse_without_password(machine, target)
        if machine.bmc.way is Way.REDFISH and target.fingerprint is None:
            self._contact(machine)
            target = target_of(self._context, machine)
        return self._make(target, interface=self._interface)

    def _contact(self, machine: MachinePlan) -> None:
        target = target_of(self._context, machine)
        refuse_without_password(machine, target)
        contact = self._make(target, interface=self._interface).contact()
        words = note_contact(self._context, machine, contact)
        if words:
            self._context.tell("power", words, machine=machine.name)

    def _act(self, name: str, act: str, words: str) -> str:
        machine = self.machine(name)
        control = self._control(machine)
        {"on": control.on, "off": control.off, "cycle": control.cycle}[act]()
        return self._done(machine, control, act, words)

    def _done(self, machine: MachinePlan, control: PowerControl, act: str, words: str) -> str:
        wanted = Power.OFF if act == "off" else Power.ON
        now, name = self._context.clock.utc(), machine.name
        acted = act if wanted is Power.ON else None
        note(
            self._context,
            machine,
            acted=acted,
            acted_at=now if acted else None,
            left_off_at=None if acted else now,
        )
        power = self._obeyed(control, wanted)
        note_power(self._context, machine, power)
        text = f"{name} was {words}, as it was told"
        if power is Power.UNKNOWN:
            text = f"{name} was to be {words}: it was sent, and nothing says what came of it"
        elif power is not wanted:
            text = (
                f"{name} was to be {words}: {switch_words(machine)} accepted it, and "
                f"{_OBEY_SECONDS} seconds later still says {power}"
            )
        self._context.tell("power-told", text, machine=name, data={"act": act})
        return text

    def _obeyed(self, control: PowerControl, wanted: Power) -> Power:
        """Read until it is as wanted, for some seconds; give the last reading.

        What was sent is told all the same where nothing can be read now.
        """
        with suppress(PowerError):
            for _ in range(_OBEY_SECONDS):
                power = control.power()
                if power in (wanted, Power.UNKNOWN):
                    return power
                self._pause(1.0)
            return control.power()
        return Power.UNKNOWN


def states(context: Context, plan: Plan) -> Iterator[SwitchState]:
    """Give what was last known of every switch of a site; nothing is asked."""
    yield from (kept_state(context, each, reported_by(context, each)) for each in plan.machines)


def reported_by(context: Context, machine: MachinePlan) -> Inventory | None:
    """Give what the machine itself reported last, in the terms of a BMC; None: it has not."""
    known = report_of_machine(context, machine.macs) if machine.macs else None
    if known is None:
        return None
    report = known.report
    return Inventory(
        vendor=report.vendor,
        model=report.product,
        serial=report.serial,
        uuid=str(report.uuid) if report.uuid else "",
        cpus=report.threads,
        memory=report.memory,
        disks=tuple(
            InventoryDisk(each.name, each.size, each.model, each.serial) for each in report.disks
        ),
        macs=report.macs,
    )
