"""s4: BootServices → installed nodes: every armed machine seen through to its own disk.

The create node goes first. The joins wait in iPXE until the VIP answers. What moves a machine on
is evidence; each wait has a limit, and its end names what was seen last and what was expected.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from ipaddress import IPv4Address

from appliance import advice
from appliance.boot.control import Event, RecordChanged, Reported
from appliance.boot.model import BootMachine
from appliance.errors import DeadlineError, InputError, StepError, StoreFullError
from appliance.flow.boot_machines import boot_machines
from appliance.flow.context import Context
from appliance.flow.discovering import Discovering
from appliance.flow.documents import Documenter
from appliance.flow.link_watch import LinkWatch
from appliance.flow.live_logs import LiveLogs
from appliance.flow.power_phases import Noticed
from appliance.flow.powering import Powering
from appliance.flow.probing import Probing
from appliance.flow.roll import Roll
from appliance.flow.s1_site import plan_of
from appliance.flow.services import Services
from appliance.flow.step import Done, NotYet, Step
from appliance.flow.switching import MakeControl, owes_disk, own_control
from appliance.flow.tending import tell_boot_event
from appliance.hypervisor.ready import Answer, answers
from appliance.machines.state import (
    EXPECTATIONS,
    Evidence,
    Record,
    Seen,
    State,
    waiting_since,
)
from appliance.machines.watch import Look, Standing, look
from appliance.site.load import load_file
from appliance.site.plan import MachinePlan, Plan

_TURN_SECONDS = 0.5
_HELP_SECONDS = 60.0
_OVERDUE_SILENCE = 3
"""A machine is given up after so many limits of its state went by (facts: installers retry 30×)."""
_NEVER_SEEN = 15
"""Limits of a machine that nobody has switched on yet: four hours."""
_SWITCHED_OFF = 15
"""A machine that showed itself may be switched off again: said each quarter of an hour."""
_BEFORE_SCRIPT = (
    *(State.EXPECTED, State.FIRMWARE, State.BOOTLOADER, State.WAITING),
    *(State.DISCOVERING, State.DISCOVERED),
)
_WAITS_FOR_PEOPLE = {State.EXPECTED, State.WAITING, State.DISCOVERED}
_NOT_ON_ITS_WAY = frozenset(State) - (EXPECTATIONS.keys() - _WAITS_FOR_PEOPLE)


@dataclass(frozen=True, slots=True)
class Watched:
    """What s4 is given."""

    plan: Plan
    services: Services


@dataclass(frozen=True, slots=True)
class Nodes:
    """The machines that answer from their own disks, with the fingerprint each answered with."""

    plan: Plan
    ready: tuple[str, ...]
    fingerprints: dict[str, str]


class MachinesStep(Step[Watched, Nodes]):
    """Watches machines until every armed one answers from its own disk."""

    name = "s4"
    title = "install the machines"

    def __init__(self, context: Context) -> None:
        self._context = context

    def digest(self, given: Watched) -> str:
        """Name the plan."""
        return given.plan.digest()

    def check(self, given: Watched) -> Done[Nodes] | NotYet:
        """Done when every machine of the plan was proven ready and answers now."""
        proven = [self._context.proven.get(each.name) for each in given.plan.machines]
        missing = [each.name for each in proven if each.ready is None]
        if missing:
            return NotYet(f"not proven ready: {', '.join(missing)}")
        due = [each.name for each in given.plan.machines if owes_disk(self._context, each)]
        if due:
            return NotYet(f"its disk is not set as its boot device: {', '.join(due)}")
        found = {each.name: answers(each.address) for each in given.plan.machines}
        silent = [name for name, answer in found.items() if not answer.ok]
        if silent:
            return NotYet(f"not answering: {', '.join(silent)}")
        self._tell_boot(given)
        return _done(given.plan, found)

    def run(self, given: Watched) -> Done[Nodes]:
        """Install what is armed. Raises StepError naming each machine that did not get there."""
        return Watch(self._context, given).run()

    def _tell_boot(self, given: Watched) -> None:
        # Installed machines that boot from the network now are still sent to their disks.
        Watch(self._context, given).tell_boot()


def _done(plan: Plan, found: dict[str, Answer]) -> Done[Nodes]:
    fingerprints = {name: answer.fingerprint for name, answer in found.items()}
    return Done(
        Nodes(plan, tuple(found), fingerprints),
        {"ready": sorted(found), "certificates": fingerprints},
    )


class Watch:
    """One run's watch over the machines."""

    def __init__(
        self,
        context: Context,
        given: Watched,
        *,
        probe: Callable[[IPv4Address], Answer] = answers,
        make: MakeControl = own_control,
    ) -> None:
        self._context = context
        self._probing = Probing(context.clock, probe)
        self._powering = Powering(context, make=make, disc=given.services.boot_disc)
        self._plan = given.plan
        self._services = given.services
        self._roll = Roll(context.proven, context.tell, context.clock.utc)
        self._documents = Documenter(given.plan, context.vault)
        self._live_logs = LiveLogs(context, given.plan)
        self._approved = context.approved.all()
        self._said = self._what_people_said()
        self._discovering = Discovering(context, given.services, given.plan)
        self._plan_is_new = True
        self._file_said = ""
        self._answers: dict[str, Answer] = {}
        self._vip_answers = False
        self._began = context.clock.monotonic()
        self._moved: dict[str, float] = {}
        self._orders_on_their_way: set[str] = set()
        self._heard: dict[str, float] = {}
        self._link = LinkWatch(context)
        self._told: set[tuple[str, str, float, int]] = set()
        self._late: set[str] = set()

    def tell_boot(self) -> None:
        """Hand boot every machine as it stands: documents only for those armed now."""
        self._services.set_machines(self._machines())

    def run(self) -> Done[Nodes]:
        """Watch until all are ready."""
        if not any(self._is_awaited(each) for each in self._plan.machines):
            raise StepError(
                "no machine is armed",
                why="; ".join(f"{each.name}: {each.not_armed}" for each in self._plan.machines),
                fix=f"name each machine's disk in the site file; or {advice.fetch_stage1()}, "
                "and machines are asked what they are",
            )
        self.tell_boot()
        self._pass_on_orders()
        try:
            while not self._all_ready():
                self._turn()
            self._powering.finish()
        finally:
            self._powering.stop()
            self._probing.stop()
            self._live_logs.stop()
        self._roll.write()
        return _done(self._plan, {name: self._answers[name] for name in sorted(self._answers)})

    def _pass_on_orders(self) -> None:
        """Boot remembers an older record of machines that were ordered to be installed again."""
        for machine in self._plan.machines:
            if self._roll.of(machine.name).last_seen is Seen.REINSTALL_ORDERED:
                self._orders_on_their_way.add(machine.name)
                self._services.inject(
                    Evidence(
                        machine.name, Seen.REINSTALL_ORDERED, self._context.clock.utc(), "by order"
                    )
                )

    def _is_awaited(self, machine: MachinePlan) -> bool:
        """Who is not armed yet is asked what it is, where there is what asks."""
        return machine.not_armed is None or self._services.has_stage1

    def _take_approvals(self) -> None:
        """Machines approved or pointed out while the run goes on join it."""
        said = self._what_people_said()
        if said == self._said:
            return
        self._plan_anew()
        approved = self._context.approved.all()
        if approved != self._approved and not self._file_said:
            self._approved = approved
            self._context.tell("finding", f"approved machines: {', '.join(approved)}")

    def _what_people_said(self) -> tuple[object, ...]:
        context = self._context
        found = (context.frozen.read() or {}).get("discovered")
        return context.approved.all(), context.agreed.all(), found

    def _take_reports(self) -> None:
        """Machines that reported what they are join the run."""
        anew, self._plan_is_new = self._plan_is_new, False
        if self._discovering.turn(self._plan, anew=anew):
            self._plan_anew()

    def _plan_anew(self) -> None:
        """Take the file as it is now; while it cannot be read, machines install by the last plan.

        It may be half written, and this is tried again at every turn.
        """
        try:
            self._plan = plan_of(self._context, load_file(self._context.site_file))
        except InputError as error:
            if str(error) != self._file_said:
                self._file_said = str(error)
                self._context.tell("finding", f"who is new cannot join yet: {error}")
            return
        self._file_said = ""
        self._documents = Documenter(self._plan, self._context.vault)
        self._services.replan(self._plan)
        self._said = self._what_people_said()
        self._plan_is_new = True

    def _turn(self) -> None:
        self._context.raise_if_stopped()
        self._services.keep_open(lambda text: self._context.tell("finding", text))
        if not self._services.running:
            time.sleep(_TURN_SECONDS)
            return
        for message in self._services.messages(_TURN_SECONDS):
            self._take(message)
        with suppress(StoreFullError):
            self._roll.write()
        self._take_approvals()
        self._take_reports()
        for name, answer in self._probing.turn(self._to_probe):
            self._take_answer(name, answer)
        self._look_for_overdue()
        self._powering.turn(self._plan, self._noticed())
        self._link.turn()
        self._give_up_on_failures()
        self.tell_boot()

    def _take(self, message: Event | RecordChanged | Reported) -> None:
        self._link.heard()
        if isinstance(message, Reported):
            self._discovering.take(message, self._plan)
            return
        if isinstance(message, RecordChanged):
            if message.record.last_seen is Seen.REINSTALL_ORDERED:
                self._orders_on_their_way.discard(message.machine)
            if message.machine in self._orders_on_their_way:
                return  # boot repeats, at its start, what it knew before the order: it is no proof
            self._heard[message.machine] = self._context.clock.monotonic()
            # A hung installer renews its lease for ever: only what moves a state counts.
            before = self._roll.of(message.machine)
            still = waiting_since(message.record) == waiting_since(before)
            if message.machine not in self._moved or not still:
                self._moved[message.machine] = self._context.clock.monotonic()
            self._roll.record(message.machine, message.record)
            machine = self._plan.machine(message.machine)
            if machine is not None and before.state is not State.FAILED is message.record.state:
                self._live_logs.fetch(machine)
            return
        tell_boot_event(self._context, message)

    def _all_ready(self) -> bool:
        return all(
            self._roll.is_ready(each.name) and each.name in self._answers
            for each in self._plan.machines
            if self._is_awaited(each)
        )

    def _machines(self) -> tuple[BootMachine, ...]:
        held = self._discovering.held
        return boot_machines(
            self._plan,
            installed=self._roll.installed(),
            vip_answers=self._vip_answers,
            documents=self._documents.of,
            refused=held.refused,
            paused=held.paused,
        )

    def _to_probe(self) -> dict[str, IPv4Address]:
        """A machine ordered to be installed again still runs its old system: not asked yet."""
        asked = {
            each.name: each.address
            for each in self._plan.machines
            if each.name not in self._answers
            and self._roll.of(each.name).last_seen is not Seen.REINSTALL_ORDERED
            and not self._roll.of(each.name).ordered
        }
        return asked if self._vip_answers else {"": self._plan.hypervisor.vip, **asked}

    def _take_answer(self, name: str, answer: Answer) -> None:
        if not answer.ok:
            return
        if name == "":
            self._vip_answers = True
            self._context.tell("finding", f"the VIP {self._plan.hypervisor.vip} answers")
            return
        self._answers[name] = answer
        self._services.inject(
            Evidence(name, Seen.SYSTEM_ANSWERS, self._context.clock.utc(), answer.text)
        )

    def _look_for_overdue(self) -> None:
        now = self._context.clock.monotonic()
        for machine in self._plan.machines:
            record = self._roll.of(machine.name)
            # Waits run on the monotonic clock: a step of the other must not end one.
            moved = self._moved.get(machine.name, self._began)
            heard = self._heard.get(machine.name, self._began)
            on_monotonic = replace(record, since=moved, last_at=heard)
            seen = look(machine.name, on_monotonic, now, watched_since=self._began)
            self._late.discard(machine.name)
            if seen.standing is not Standing.LATE or not self._is_awaited(machine):
                continue
            silent = record.state is State.DISCOVERED  # it would ask on, whatever it waits for
            if self._waits_for_vip(machine, record) and not silent:
                continue
            self._late.add(machine.name)
            limits = int((now - moved) / EXPECTATIONS[record.state].within)
            if silent:
                limits = 1 + limits // _SWITCHED_OFF
            mark = (machine.name, seen.advice, moved, limits)
            if mark not in self._told:
                self._told.add(mark)
                self._say_overdue(machine, record, seen, limits)

    def _noticed(self) -> dict[str, Noticed]:
        """What is known of each machine, for its switch."""
        installed = self._roll.installed()
        return {
            each.name: Noticed(
                self._roll.of(each.name),
                installed=each.name in installed,
                awaited=self._is_awaited(each),
                late=each.name in self._late,
                answers=each.name in self._answers,
            )
            for each in self._plan.machines
        }

    def _give_up_on_failures(self) -> None:
        """End when all that is left to wait for failed or is held, and nobody helped for a while.

        A failure of an earlier run counts only once it was seen again: switching the machine off
        and on is how it is helped.
        """
        waiting = [
            each
            for each in self._plan.machines
            if self._is_awaited(each) and each.name not in self._answers
        ]
        now = self._context.clock.monotonic()
        stuck = [
            each
            for each in waiting
            if self._roll.of(each.name).state in (State.FAILED, State.HELD)
            and now - self._moved.get(each.name, now) > _HELP_SECONDS
            and not self._powering.sees_to(each.name)
        ]
        stuck_names = {each.name for each in stuck}
        if stuck and all(
            each.name in stuck_names or self._waits_for_vip(each, self._roll.of(each.name))
            for each in waiting
        ):
            raise StepError(
                f"{', '.join(sorted(stuck_names))} could not be installed",
                where=str(self._context.site_paths.reports),
                why="; ".join(f"{each.name} {self._roll.of(each.name).reason}" for each in stuck),
                fix="read the installer's log there, switch the machine off and on, run again",
            )

    def _others_are_on_their_way(self, stuck: MachinePlan) -> bool:
        """The run's end takes the boot services from machines that are being installed."""
        now = self._context.clock.monotonic()
        for each in self._plan.machines:
            state = self._roll.of(each.name).state
            if each is stuck or each.name in self._answers or state in _NOT_ON_ITS_WAY:
                continue
            if now - self._moved.get(each.name, self._began) <= EXPECTATIONS[state].within:
                return True
        return False

    def _waits_for_vip(self, machine: MachinePlan, record: Record) -> bool:
        return (
            not self._vip_answers
            and machine is not self._plan.create
            and record.state in _BEFORE_SCRIPT
        )

    def _say_overdue(
        self, machine: MachinePlan, record: Record, missing: Look, limits: int
    ) -> None:
        seen = f"last seen: {record.last_text or record.last_seen or 'nothing'}"
        self._context.tell(
            "overdue",
            f"{machine.name}: {missing.next} is overdue; {seen}. {missing.advice}",
            machine=machine.name,
            data={"next": missing.next, "advice": missing.advice, "state": record.state.value},
        )
        self._live_logs.fetch(machine)
        waits = record.state in _WAITS_FOR_PEOPLE - {State.WAITING}
        most = _NEVER_SEEN if waits else _OVERDUE_SILENCE
        if limits > most and not self._others_are_on_their_way(machine):
            raise DeadlineError(
                f"{machine.name} did not get any further",
                where=machine.name,
                why=seen,
                fix=missing.advice,
            )
