"""What people ask of the switches of a site: how they stand, on, off, and their passwords.

It is done at once; only what could hurt a machine that is installed, being installed, or running
something that nobody here knows, wants its name typed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from appliance import advice
from appliance.errors import InputError, PowerError
from appliance.flow.choosing import machine_of
from appliance.flow.context import Context
from appliance.flow.roll import record_from_json
from appliance.flow.switch_state import SwitchState, kept_state
from appliance.flow.switching import (
    MakeControl,
    has_bmc,
    is_switched,
    kept_of,
    note,
    note_contact,
    note_power,
    own_control,
    password_name,
    refuse_without_password,
    said_of,
    switch_words,
    target_of,
)
from appliance.machines.state import Record, State
from appliance.power import inventory
from appliance.power.model import Inventory, Power, PowerControl, Way
from appliance.site.plan import MachinePlan, Plan
from appliance.values import Secret

_OBEY_SECONDS = 10
_BEING_INSTALLED = frozenset(
    {State.ROOTFS, State.CONFIG, State.STARTED, State.IMAGE, State.OWN_DISK}
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
                "the folder cannot be written", where=str(folder), why=error
            ) from error
        return (f"it fits the profile {found.fits}", *written, *found.unread)

    def kept(self, name: str) -> SwitchState:
        """Give what was last known of a switch; nothing is asked."""
        return kept_state(self._context, self.machine(name))

    def on(self, name: str) -> str:
        """Switch a machine on; give what came of it. Raises PowerError."""
        return self._act(name, "on", "switched on")

    def off(self, name: str, typed: str = "") -> str:
        """Switch a machine off at once; give what came of it. Raises InputError, PowerError."""
        self._refuse_harm(self.machine(name), typed, "off")
        return self._act(name, "off", "switched off")

    def cycle(self, name: str, typed: str = "") -> str:
        """Switch a machine off and on; give what came of it. Raises InputError, PowerError.

        That it began is kept: ended between the two, it leaves the machine off.
        """
        self._refuse_harm(self.machine(name), typed, "cycle")
        return self._act(name, "cycle", "switched off and on")

    def meet_anew(self, name: str) -> str:
        """Forget the certificate of a machine's BMC: the next one it shows is taken."""
        self.machine(name)
        self._context.switches.note(name, fingerprint=None)
        words = f"the certificate of the BMC of {name} is forgotten"
        self._context.tell("power-told", words, machine=name)
        return words

    def refuse_without_bmc(self, name: str) -> None:
        """Raise InputError where one machine, or without a name none of the site, has a BMC."""
        machines = (self.machine(name),) if name else self._plan.machines
        if not any(map(has_bmc, machines)):
            raise InputError(
                f"{name or 'every machine'} is switched without a BMC: the site file has none",
                where="the password",
                fix="write the BMC into the site file first",
            )

    def put_password(self, name: str, password: Secret) -> str:
        """Keep the password of one machine's BMC; without a name, that of all.

        With it the certificate is forgotten that this one BMC was known by.
        """
        self.refuse_without_bmc(name)
        if not password.reveal():
            raise InputError("an empty password is none", where="the password")
        self._context.vault.put(password_name(name), password)
        if name:  # who gives the password of one BMC has looked who it is
            self._context.switches.note(name, fingerprint=None)
        whose = f"the BMC of {name}" if name else "all BMCs that have none of their own"
        words = f"the password of {whose} is kept"
        self._context.tell("bmc-password", words, machine=name or None)
        return words

    def needs_name(self, name: str, *, look: bool = False) -> str:
        """Say why switching a machine off wants its name typed; empty where it does not.

        `look`: ask whether it is on, where that decides. Raises PowerError then.
        """
        machine = self.machine(name)
        against = inventory.identify(machine, said_of(self._context, machine)).against
        if against:
            return against
        proven = self._context.proven.get(machine.name)
        record = record_from_json(dict(proven.record)) if proven.record else Record()
        if proven.installed is not None or record.installed or record.ordered:
            return "it is installed"
        if record.state in _BEING_INSTALLED:
            return "it is being installed"
        strange = record.last_seen is None and proven.installs == 0
        return self._runs_unknown(machine, look=look) if strange else ""

    def _runs_unknown(self, machine: MachinePlan, *, look: bool) -> str:
        if not has_bmc(machine):
            return ""
        if look:
            self._contact(machine)
        off = kept_of(self._context, machine).get("power") == Power.OFF
        return "" if off else "nothing is known here of what runs on it"

    def _refuse_harm(self, machine: MachinePlan, typed: str, verb: str) -> None:
        if typed == machine.name:
            return
        why = self.needs_name(machine.name, look=True)
        if why:
            raise InputError(
                f"{machine.name} would be switched off hard",
                where="confirm",
                why=why,
                fix=advice.agree_to_switch(verb, machine.name),
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
        if act == "cycle":
            note(self._context, machine, cycling_at=self._context.clock.utc())
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
            cycling_at=None,
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
