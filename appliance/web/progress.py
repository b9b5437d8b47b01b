"""What pages show of a run: its folded history, judged at a given time. Pure.

Nothing here is believed that was not seen: a state is from evidence, a time left from what was
measured in this very site. Times are Unix seconds, spans are seconds, sizes are octets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from appliance.machines.state import STATE_WORDS, Record, State
from appliance.machines.watch import Standing, look
from appliance.site.plan import MachinePlan, Plan
from appliance.tools.words import duration, many, printable, size
from appliance.web.history import TROUBLE, History, MachineSeen, Outcome

TRACK = ("switch on", "boot", "who is it", "live system", "installer", "image", "restart", "ready")
"""The way of every machine, as the pages draw it."""

_PLACES = {
    State.EXPECTED: 0,
    State.FIRMWARE: 1,
    State.BOOTLOADER: 1,
    State.WAITING: 2,
    State.DISCOVERING: 2,
    State.DISCOVERED: 2,
    State.SCRIPT: 3,
    State.KERNEL: 3,
    State.ROOTFS: 3,
    State.CONFIG: 4,
    State.STARTED: 4,
    State.IMAGE: 5,
    State.OWN_DISK: 6,
    State.INSTALLED: 6,
    State.REBOOTED: 6,
    State.READY: 7,
}
_ENDED = frozenset({State.READY, *TROUBLE})
_RATE_POINTS = 6
"""A rate is that of the last so many points: what a slow start took counts no longer."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error in its parts, with the code that the handbook explains."""

    code: str
    what: str
    where: str = ""
    why: str = ""
    fix: str = ""


@dataclass(frozen=True, slots=True)
class StepView:
    """One step. `seconds` is how long it took, or takes so far."""

    name: str
    title: str
    outcome: Outcome
    seconds: float | None = None
    error: Fault | None = None


@dataclass(frozen=True, slots=True)
class Transfer:
    """A file on its way to a machine. `done` and `total` are None where the size is unknown."""

    file: str
    percent: int
    done: int | None
    total: int | None
    rate: float | None
    left: float | None

    @property
    def text(self) -> str:
        """All that is known of it in one line."""
        parts = [f"{self.file}: {self.percent} %"]
        if self.done is not None and self.total is not None:
            parts.append(f"{size(self.done)} of {size(self.total)}")
        if self.rate is not None and self.total is not None:
            parts.append(f"{size(int(self.rate))}/s")
        if self.left is not None:
            parts.append(f"{duration(self.left)} left")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class MachineView:
    """One machine. `place` is its number on the track; `left` till it is ready, if measured.

    `limit` is how long the next sign may still take; negative once it is late.
    """

    name: str
    role: str
    address: str
    macs: tuple[str, ...]
    state: State
    words: str
    place: int
    standing: Standing
    seen: str
    seen_at: float | None
    next: str
    limit: float | None
    left: float | None
    transfer: Transfer | None
    hold: str
    advice: str


@dataclass(frozen=True, slots=True)
class VmView:
    """One virtual machine and where it is: planned, created, answers, ready, joined, removed."""

    name: str
    kind: str
    address: str
    state: str


@dataclass(frozen=True, slots=True)
class Progress:
    """A run as it stands. `last` is the number of the newest event that is in it.

    `strangers` are the cards of machines that were heard in it and belong to nobody yet.
    """

    site: str
    last: int
    outcome: Outcome
    started: float | None
    seconds: float | None
    step: str
    line: str
    steps: tuple[StepView, ...]
    machines: tuple[MachineView, ...]
    vms: tuple[VmView, ...]
    findings: tuple[str, ...]
    error: Fault | None
    safe: bool
    because: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()

    @property
    def ready(self) -> int:
        """How many machines are ready."""
        return sum(each.state is State.READY for each in self.machines)

    @property
    def headline(self) -> str:
        """The run in one sentence."""
        return self.headline_of()

    def headline_of(self, *, cancelled: bool = False) -> str:
        """The same; `cancelled`: what was confirmed was taken back."""
        if self.outcome is Outcome.TODO:
            return "nothing has been run yet"
        done = sum(each.outcome in (Outcome.DONE, Outcome.SKIPPED) for each in self.steps)
        machines = f"{self.ready} of {len(self.machines)} machines ready"
        doing = next((each.title for each in self.steps if each.outcome is Outcome.RUNNING), "")
        if self.outcome is Outcome.RUNNING:
            return f"{doing or 'begins'}; step {done + 1} of {len(self.steps)}, {machines}"
        said = {
            Outcome.DONE: "done",
            Outcome.INTERRUPTED: "cancelled" if cancelled else "paused",
            Outcome.KILLED: "it was ended from outside",
        }
        return f"{said.get(self.outcome, 'it failed')} after {many(done, 'step')}, {machines}"

    @property
    def armed(self) -> bool:
        """Whether a machine may be writing its disk now: the laptop must stay on."""
        return self.outcome is Outcome.RUNNING and any(
            each.state not in _ENDED and each.place >= _PLACES[State.SCRIPT]
            for each in self.machines
        )


def progress(
    plan: Plan,
    history: History,
    records: Mapping[str, Record],
    now: float,
    *,
    running: bool,
    titles: Sequence[tuple[str, str]],
    sizes: Mapping[str, int] | None = None,
) -> Progress:
    """Give the run at Unix time `now`.

    `running` is whether somebody holds the site: a run that has no end, and nobody, was killed.
    `titles` are the steps in their order; `sizes` the octets of the files that are served.
    """
    outcome = history.outcome
    if outcome is Outcome.RUNNING and not running:
        outcome = Outcome.KILLED
    ended = history.run_ended if history.run_ended is not None or running else None
    steps = tuple(_step(history, name, title, now, outcome) for name, title in titles)
    going = next((each.name for each in steps if each.outcome is Outcome.RUNNING), "")
    watching = history.steps.get("s4")
    since = watching.started if watching else history.run_started or now
    error = Fault(**history.error) if history.error else None
    return Progress(
        site=plan.site_id,
        last=history.last,
        outcome=outcome,
        started=history.run_started,
        seconds=_span(history.run_started, ended, now) if running or ended else None,
        step=going,
        line=history.line[1] if history.line else "",
        steps=steps,
        machines=tuple(
            _machine(each, history, records, now, since if going else None, sizes or {})
            for each in plan.machines
        ),
        vms=tuple(
            VmView(
                vm.name,
                vm.kind.value,
                str(vm.address or ""),
                history.vms.get(vm.name, ("planned", 0.0))[0],
            )
            for vm in plan.vms
        ),
        findings=tuple(text for _, text in reversed(history.findings)),
        error=error if outcome is not Outcome.RUNNING else None,
        safe=history.safe is True and outcome is Outcome.DONE,
        because=history.because,
        strangers=_strangers(plan, history),
    )


def _strangers(plan: Plan, history: History) -> tuple[str, ...]:
    known = {str(mac) for each in plan.machines for mac in (*each.macs, *each.other_macs)}
    return tuple(mac for mac in history.strangers if mac not in known)


def _step(history: History, name: str, title: str, now: float, outcome: Outcome) -> StepView:
    seen = history.steps.get(name)
    if seen is None:
        return StepView(name, title, Outcome.TODO)
    own = seen.outcome
    if own is Outcome.RUNNING and outcome is Outcome.KILLED:
        own = Outcome.KILLED
    seconds = None if own is Outcome.KILLED else _span(seen.started, seen.ended, now)
    return StepView(name, title, own, seconds, Fault(**seen.error) if seen.error else None)


def _span(start: float | None, end: float | None, now: float) -> float | None:
    return None if start is None else max(0.0, (now if end is None else end) - start)


def _machine(
    machine: MachinePlan,
    history: History,
    records: Mapping[str, Record],
    now: float,
    watched_since: float | None,
    sizes: Mapping[str, int],
) -> MachineView:
    seen = history.machines.get(machine.name) or MachineSeen()
    record = records.get(machine.name) or Record()
    judged = look(machine.name, record, now, watched_since=watched_since or now)
    watched = watched_since is not None and not seen.hold and machine.not_armed is None
    state = record.state
    at = seen.before_trouble if state in TROUBLE else state
    on_its_way = watched and state not in _ENDED
    hold = (seen.hold or machine.not_armed or "") if _PLACES[at] <= 2 else ""
    return MachineView(
        name=machine.name,
        role=machine.role.value,
        address=str(machine.address),
        macs=tuple(map(str, machine.macs)),
        state=state,
        words=STATE_WORDS[state],
        place=_PLACES[at],
        standing=judged.standing if watched or state in _ENDED else Standing.ON_TIME,
        seen=printable(record.last_text) or seen.text,
        seen_at=record.last_at or seen.at,
        next=judged.next if not hold else "",
        limit=judged.left if on_its_way else None,
        left=_left(history.machines, machine.name, record, now) if on_its_way else None,
        transfer=_transfer(seen, now, sizes) if state not in _ENDED else None,
        hold=hold,
        advice=(judged.advice if watched or state in TROUBLE else "") or seen.advice,
    )


def _transfer(seen: MachineSeen, now: float, sizes: Mapping[str, int]) -> Transfer | None:
    if not seen.points or seen.points[-1][1] >= 100:
        return None
    at, percent = seen.points[-1]
    total = sizes.get(seen.file)
    first_at, first = seen.points[-_RATE_POINTS:][0]
    per_second = (percent - first) / (at - first_at) if at > first_at else 0.0
    return Transfer(
        file=seen.file,
        percent=percent,
        done=None if total is None else total * percent // 100,
        total=total,
        rate=None if total is None or per_second <= 0 else per_second * total / 100,
        left=max(0.0, (100 - percent) / per_second - (now - at)) if per_second > 0 else None,
    )


def _left(
    machines: Mapping[str, MachineSeen], name: str, record: Record, now: float
) -> float | None:
    """What the others of this site took from the same state on, less what it has been there."""
    took = list(_took(machines, name, record.state))
    return max(0.0, median(took) - max(0.0, now - record.since)) if took else None


def _took(machines: Mapping[str, MachineSeen], name: str, state: State) -> Iterable[float]:
    for other, seen in machines.items():
        begun, ready = seen.entered.get(state), seen.entered.get(State.READY)
        if other != name and begun is not None and ready is not None and ready >= begun:
            yield ready - begun
