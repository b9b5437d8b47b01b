"""The power of a run's machines: asked, switched and watched beside s4, so that nobody has to.

`power.decide` says what to ask next; here it is asked, on threads of its own, since a BMC may take
minutes to answer. What came of it is taken, kept and told on the run's own thread, at each turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from appliance import advice
from appliance.errors import PowerError, StoreFullError
from appliance.flow import power_words
from appliance.flow.context import Context
from appliance.flow.known_machine import known_of
from appliance.flow.power_phases import Noticed, phase_of
from appliance.flow.switching import (
    MakeControl,
    is_switched,
    kept_of,
    left_in_mid_cycle,
    note,
    note_contact,
    note_power,
    owes_disk,
    own_control,
    refuse_without_password,
    switch_words,
    target_of,
)
from appliance.machines.state import EXPECTATIONS, State
from appliance.power import inventory
from appliance.power.asking import Outcome, ask
from appliance.power.decide import (
    Case,
    Next,
    Phase,
    decide,
    is_disc_over,
    is_disk_due,
    network_of,
)
from appliance.power.inventory import Identity
from appliance.power.model import BootFrom, Contact, Inventory, Power, PowerControl, Target
from appliance.power.tried import (
    Act,
    Limits,
    Tried,
    took_act,
    took_contact,
    took_failure,
    took_power,
)
from appliance.site.plan import BmcBoot, ExpectedFirmware, MachinePlan, Plan
from appliance.tools.unwaited import start

LIMITS = Limits(appear=EXPECTATIONS[State.EXPECTED].within)
_SWITCHING = frozenset({Act.BOOT_NETWORK, Act.BOOT_DISC, Act.ON, Act.CYCLE})
_OTHERS_SECONDS = 30.0
"""So long the first switching waits for what the other BMCs say of their machines."""
_TO_INSTALL = frozenset({Phase.WANTED, Phase.ORDERED, Phase.STARTING, Phase.INSTALLING})
_LOOK_SECONDS = 10.0
_END_SECONDS = 30.0


@dataclass(slots=True)
class _Switch:
    """One machine's switch in this run."""

    machine: MachinePlan
    target: Target
    first: Noticed
    case: Case
    tried: Tried
    control: PowerControl | None = None
    asked: Next | None = None
    answer: Future[Outcome] | None = None
    identity: Identity = field(default_factory=Identity)
    said: Inventory | None = None
    looked: float = float("-inf")
    told: frozenset[str] = frozenset()
    owes_disk: bool = False


class Powering:
    """Sees to the power of the machines of one run. Never blocks, until it is ended.

    `disc` is the URL of the boot disc, empty where none is served.
    """

    def __init__(
        self,
        context: Context,
        *,
        make: MakeControl = own_control,
        disc: str = "",
        limits: Limits = LIMITS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._context = context
        self._disc = disc
        self._make = make
        self._limits = limits
        self._pause = pause
        self._began = context.clock.monotonic()
        self._switches: dict[str, _Switch] = {}
        self._began_at = context.clock.utc()

    def turn(self, plan: Plan, noticed: Mapping[str, Noticed]) -> None:
        """Take what was answered, and ask what is due."""
        for switch in self._switches.values():
            self._collect(switch)
        here = {m.name: m for m in plan.machines if is_switched(m) and m.name in noticed}
        gone = (name for name, each in self._switches.items() if each.answer is None)
        for name in [name for name in gone if name not in here]:
            del self._switches[name]
        for name, machine in here.items():
            self._look_at(machine, noticed[name])
        self._look_for_doubles()
        for switch in self._switches.values():
            self._ask(switch)

    def sees_to(self, name: str) -> bool:
        """Whether a machine that does not move is being started from here, with no hand asked."""
        switch = self._switches.get(name)
        if switch is None or switch.tried.asked:
            return False
        return switch.case.phase in (Phase.WANTED, Phase.ORDERED)

    def finish(self) -> None:
        """Wait for what is being asked, and for disks to be set; not for long."""
        end = self._context.clock.monotonic() + _END_SECONDS
        while self._context.clock.monotonic() < end and any(map(_is_open, self._switches.values())):
            self._context.raise_if_stopped()
            for switch in self._switches.values():
                self._collect(switch)
                if _is_open(switch):
                    self._ask(switch)
            self._pause(0.1)

    def stop(self) -> None:
        """Switch nothing more, and take our discs out. What goes on is waited for, not for long.

        Off-and-on that is broken off between the two would leave the machine off. Any other call
        that goes on is not waited for.
        """
        busy = [each for each in self._switches.values() if each.answer and each.asked]
        self._await(s for s in busy if s.tried.disc_in or (s.asked and s.asked.act in _SWITCHING))
        with_disc = [each for each in self._switches.values() if _may_eject(each)]
        for switch in with_disc:
            self._send(switch, Next(Act.EJECT, f"the run ends without {switch.machine.name}"))
        self._await(with_disc)

    def _await(self, switches: Iterable[_Switch]) -> None:
        wait([each.answer for each in switches if each.answer is not None], timeout=_END_SECONDS)
        for switch in self._switches.values():
            self._collect(switch)

    # ---------------------------------------------------------------- where it stands

    def _look_at(self, machine: MachinePlan, noticed: Noticed) -> None:
        now = self._context.clock.monotonic()
        switch = self._switches.get(machine.name)
        if switch is None:
            switch = self._begin(machine, noticed)
        elif switch.answer is None and (
            now - switch.looked >= _LOOK_SECONDS or machine != switch.machine
        ):  # what is being answered is the word of the BMC that was asked, not of a new one
            self._look_again(switch, machine)
        phase = phase_of(noticed, switch.first)
        if phase in _TO_INSTALL and not switch.owes_disk:
            switch.owes_disk = True  # from now on: a run may be killed right after the success
            with suppress(StoreFullError):
                note(self._context, machine, disk_due=True)
        case = switch.case
        if phase is not case.phase:
            case = replace(case, phase=phase, since=now)
        switch.case = replace(
            case,
            certain=switch.identity.certain,
            against=switch.identity.against,
            late=noticed.late,
            told=self._context.options.yes,
            http=machine.firmware is ExpectedFirmware.UEFI_HTTP,
            own_disk=noticed.record.state is State.OWN_DISK,
            disc=machine.bmc.boot is BmcBoot.DISC,
            switch=switch_words(machine),
        )

    def _begin(self, machine: MachinePlan, noticed: Noticed) -> _Switch:
        context, now = self._context, self._context.clock.monotonic()
        tried, kept = Tried(), context.switches.get(machine.name)
        case = Case(
            machine.name,
            phase_of(noticed, noticed),
            self._began,
            disk_due=noticed.is_installed and owes_disk(context, machine),
        )
        age = context.clock.utc() - kept.get("acted_at", 0.0)
        if kept.get("acted") and 0 <= age < self._limits.appear:
            # A killed run, or people, switched it on just now: it may not have come far yet.
            tried = replace(tried, switched_at=now - age, tries=1)
            case = replace(case, since=min(case.since, now - age))
        here = kept_of(context, machine)
        tried = replace(tried, disc_in="disc" in here, by_disc="by_disc" in here)
        target = self._target_of(machine)
        switch = _Switch(machine, target, noticed, case, tried, looked=now)
        self._switches[machine.name] = switch
        return switch

    def _look_again(self, switch: _Switch, machine: MachinePlan) -> None:
        """Another address, another password: what was refused before may be taken now."""
        switch.looked = self._context.clock.monotonic()
        target = self._target_of(machine)
        other = machine.bmc != switch.machine.bmc
        switch.machine = machine
        if other:
            switch.said, switch.identity = None, Identity()
        if switch.said is not None:
            switch.identity = inventory.identify(machine, switch.said)
            self._tell_differences(switch)
        if target == switch.target:
            return
        switch.target, switch.control = target, None
        again = replace(switch.tried, barred=False, failures=0, error="", asked="")
        if other:
            again = replace(again, contact=None, inventoried=False, disc_in=False, by_disc=False)
        elif target.fingerprint is None:
            again = replace(again, contact=None)  # its certificate is to be kept, and told
        switch.tried = again

    def _target_of(self, machine: MachinePlan) -> Target:
        return replace(target_of(self._context, machine), disc=self._disc)

    # ---------------------------------------------------------------- asking

    def _ask(self, switch: _Switch) -> None:
        now = self._context.clock.monotonic()
        if switch.answer is not None:
            return
        case = switch.case
        asked = decide(case, switch.tried, now, self._limits)
        if asked.act in _SWITCHING and self._is_left_off(switch):
            seldom = now - switch.tried.read_at >= self._limits.seldom
            asked = Next(Act.READ if seldom else Act.WAIT)
        if asked.act is Act.WAIT or (asked.act in _SWITCHING and self._others_are_asked(now)):
            return
        if asked.act is Act.ASK:
            switch.tried = took_act(switch.tried, asked.act, asked.words, now)
            self._tell(switch, asked.words, kind="finding")
            return
        if any(each.answer and _same_bmc(each, switch) for each in self._switches.values()):
            return  # a BMC of several machines is asked for one after the other
        self._send(switch, asked)

    def _send(self, switch: _Switch, asked: Next) -> None:
        try:
            control = self._control(switch)
        except PowerError as error:
            with suppress(StoreFullError):  # as where an answer is collected
                self._take_failure(switch, asked, error)
            return
        disc = kept_of(self._context, switch.machine).get("disc", self._disc)
        if asked.act is Act.BOOT_DISC:  # a run that is killed now leaves it in
            with suppress(StoreFullError):
                self._note(switch, disc=self._disc)
        place = network_of(switch.case, switch.tried) or BootFrom.PXE
        switch.asked = asked
        switch.answer = start(
            partial(ask, control, asked.act, place=place, disc=disc),
            name=f"power-{control.target.machine}",
        )

    def _is_left_off(self, switch: _Switch) -> bool:
        """Whether people switched it off since this run began: then people switch it on."""
        name = switch.machine.name
        if self._context.switches.get(name).get("left_off_at", 0.0) < self._began_at:
            return False
        words = f"it was switched off as people told, and is left so {advice.until_power_on(name)}"
        self._tell_once(switch, words)
        return True

    def _control(self, switch: _Switch) -> PowerControl:
        refuse_without_password(switch.machine, switch.target)
        if switch.control is None:
            switch.control = self._make(switch.target, interface=self._context.options.interface)
        return switch.control

    def _others_are_asked(self, now: float) -> bool:
        """Whether another BMC may yet say that its machine is this very one."""
        return now - self._began < _OTHERS_SECONDS and any(
            not (each.tried.inventoried or each.tried.error or each.tried.barred)
            for each in self._switches.values()
            if each.case.phase in (Phase.WANTED, Phase.ORDERED)
        )

    # ---------------------------------------------------------------- what came of it

    def _collect(self, switch: _Switch) -> None:
        if switch.answer is None or switch.asked is None or not switch.answer.done():
            return
        answer, asked, switch.answer = switch.answer, switch.asked, None
        error = answer.exception()
        with suppress(StoreFullError):  # told with the next event; the run does not hang on it
            if error is None:
                self._take(switch, asked, answer.result())
            else:
                self._take_failure(switch, asked, error)

    def _take(self, switch: _Switch, asked: Next, outcome: Outcome) -> None:
        now, name = self._context.clock.monotonic(), switch.machine.name
        if isinstance(outcome, Contact):
            switch.tried = took_contact(switch.tried, outcome, now)
            self._take_contact(switch, outcome)
        elif isinstance(outcome, Power):
            before, switch.tried = switch.tried, took_power(switch.tried, outcome, now)
            if before.power is not outcome or before.error:
                self._tell(switch, f"{name}: {switch.case.switch} says that it is {outcome}")
            note_power(self._context, switch.machine, outcome)
            self._tell_once(switch, left_in_mid_cycle(self._context, switch.machine))
        elif isinstance(outcome, Inventory):
            switch.tried = took_act(switch.tried, asked.act, asked.words, now)
            self._take_inventory(switch, outcome)
        else:
            switch.tried = took_act(switch.tried, asked.act, asked.words, now)
            self._tell_done(switch, asked, outcome)

    def _take_contact(self, switch: _Switch, contact: Contact) -> None:
        words = f"{switch.machine.name}: {switch.case.switch} answers: {contact.power}"
        words += f", {contact.profile}" if contact.profile else ""
        self._tell(switch, words)
        if BootFrom.DISK not in contact.boots:
            self._note(switch, disk_due=None)
        certificate = note_contact(self._context, switch.machine, contact)
        self._tell_once(switch, left_in_mid_cycle(self._context, switch.machine))
        if certificate:
            self._tell(switch, certificate)
            switch.target = self._target_of(switch.machine)
            switch.control = None  # the next one holds it to that certificate

    def _take_inventory(self, switch: _Switch, said: Inventory) -> None:
        switch.said = said
        switch.identity = inventory.identify(switch.machine, said)
        # Known before the next question is asked, which may be the one that switches.
        switch.case = replace(
            switch.case, certain=switch.identity.certain, against=switch.identity.against
        )
        self._note(switch, inventory=inventory.as_json(said))
        self._tell_once(switch, inventory.clock_off(said, self._context.clock.utc()))
        self._tell_differences(switch)

    def _tell_differences(self, switch: _Switch) -> None:
        if switch.said is not None:
            for words in known_of(self._context, switch.machine).differences:
                if words != switch.case.against:  # that is told with what to do about it
                    self._tell_once(switch, words)

    def _tell_once(self, switch: _Switch, words: str) -> None:
        if words and words not in switch.told:
            switch.told |= {words}
            self._tell(switch, f"{switch.machine.name}: {words}", kind="finding")

    def _tell_done(self, switch: _Switch, asked: Next, outcome: str) -> None:
        if asked.act is Act.EJECT:
            self._note(switch, disc=None)
        elif asked.act is Act.BOOT_DISK:
            switch.owes_disk = False
            self._note(switch, acted=None, acted_at=None, by_disc=None, disk_due=None)
        elif asked.act in (Act.ON, Act.CYCLE):
            now, by_disc = self._context.clock.utc(), switch.tried.by_disc or None
            self._note(switch, acted=asked.act.value, acted_at=now, by_disc=by_disc)
        words = power_words.done(switch.machine.name, asked, outcome)
        self._tell(switch, words, act=asked.act)

    def _note(self, switch: _Switch, **said: Any) -> None:
        note(self._context, switch.machine, **said)

    def _take_failure(self, switch: _Switch, asked: Next, error: BaseException) -> None:
        now, machine = self._context.clock.monotonic(), switch.machine
        if not isinstance(error, PowerError):
            error = power_words.not_understood(machine, error)
        before = switch.tried
        switch.tried = took_failure(before, asked.act, error, now, self._limits)
        self._note(switch, error=str(error))
        if str(error) != before.error:
            words = power_words.failed(machine.name, asked.act, switch.tried)
            self._tell(switch, words, kind="finding", act=asked.act)

    def _look_for_doubles(self) -> None:
        """One BMC under two names, or two boards with one label: which is which is not guessed."""
        said = {name: each.said for name, each in self._switches.items() if each.said is not None}
        for name, words in inventory.doubles(said).items() if len(said) > 1 else ():
            switch = self._switches[name]
            if not switch.identity.certain and not switch.identity.against:
                switch.identity = Identity(against=words)
                switch.case = replace(switch.case, against=words)

    def _tell(
        self, switch: _Switch, words: str, *, kind: str = "power", act: Act | None = None
    ) -> None:
        data = {"way": switch.machine.bmc.way.value, **({"act": act.value} if act else {})}
        self._context.tell(kind, words, machine=switch.machine.name, data=data)


def _same_bmc(one: _Switch, other: _Switch) -> bool:
    return bool(one.target.address) and one.target.address == other.target.address


def _may_eject(switch: _Switch) -> bool:
    tried = switch.tried
    idle = switch.answer is None and not (tried.barred or switch.case.against)
    return tried.disc_in and idle


def _is_open(switch: _Switch) -> bool:
    """Whether the end of the run would leave something of this machine half done."""
    due = is_disk_due(switch.case, switch.tried) or is_disc_over(switch.case, switch.tried)
    return switch.answer is not None or due
