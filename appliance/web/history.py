"""What a site's events come to, folded as they come. Pure.

Nothing is believed that no event said. Times are Unix seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from appliance.machines.state import State
from appliance.store.journal import Event
from appliance.tools.words import printable

TROUBLE = frozenset({State.FAILED, State.HELD})
"""States in which a machine stays at the place where it was."""

_QUIET = frozenset({"dhcp", "tftp", "http", "dns", "ntp", "syslog", "hook", "decision"})
_SHOWN_FINDINGS = 20


class Outcome(StrEnum):
    """How a step or a run stands."""

    TODO = "todo"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    KILLED = "killed"


@dataclass(slots=True)
class StepSeen:
    """One step as the last run told of it."""

    started: float
    ended: float | None = None
    outcome: Outcome = Outcome.RUNNING
    error: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class MachineSeen:
    """One machine: since when in which state, what was said of it, percents as they came."""

    entered: dict[State, float] = field(default_factory=dict)
    state: State = State.EXPECTED
    before_trouble: State = State.EXPECTED
    text: str = ""
    at: float | None = None
    hold: str = ""
    advice: str = ""
    file: str = ""
    points: list[tuple[float, int]] = field(default_factory=list)

    def enter(self, state: State, at: float) -> None:
        """Take a new state."""
        if state is State.EXPECTED:
            self.entered.clear()
        if state not in TROUBLE:
            self.before_trouble = state
        self.state, self.advice = state, ""
        self.entered[state] = at
        self.points.clear()


class History:
    """What the events of a site come to. `feed` each once, in their order."""

    def __init__(self) -> None:
        self.last = 0
        self.run_started: float | None = None
        self.run_ended: float | None = None
        self.outcome = Outcome.TODO
        self.error: Mapping[str, str] = {}
        self.steps: dict[str, StepSeen] = {}
        self.machines: dict[str, MachineSeen] = {}
        self.vms: dict[str, tuple[str, float]] = {}
        self.findings: list[tuple[float, str]] = []
        self.strangers: dict[str, float] = {}
        self.line: tuple[float, str] | None = None
        self.safe: bool | None = None
        self.because: tuple[str, ...] = ()

    def feed(self, event: Event) -> None:
        """Take one event."""
        self.last = max(self.last, event.id)
        if event.kind.startswith(("run-", "step-")):
            self._feed_story(event)
        elif event.kind == "finding":
            self._find(event)
        elif event.kind == "safe-to-unplug":
            self.safe, self.because = True, _texts(event.data.get("because"))
        if event.kind not in _QUIET and event.text:
            self.line = (event.at, printable(event.text.partition("\n")[0]))
        if event.machine:
            self._feed_machine(event, event.machine)
        elif event.kind in ("decision", "discovered") and event.data.get("mac"):
            self.strangers[printable(str(event.data["mac"]))] = event.at

    def _feed_story(self, event: Event) -> None:
        if event.kind == "run-started":
            self.run_started, self.run_ended = event.at, None
            self.outcome, self.error, self.safe, self.because = Outcome.RUNNING, {}, None, ()
            self.steps.clear()
            self.findings.clear()
            self.strangers.clear()
        elif event.kind == "run-ended":
            self.run_ended = event.at
            self.outcome = _outcome(str(event.data.get("outcome", "")))
            for step in self.steps.values():
                if step.outcome is Outcome.RUNNING:
                    step.outcome, step.ended = self.outcome, event.at
        elif event.kind == "step-started" and event.step:
            self.steps[event.step] = StepSeen(event.at)
        elif event.kind == "step-failed" and event.step not in self.steps:
            self.error = _error(event)
        elif event.step in self.steps:
            step = self.steps[event.step]
            step.ended, step.outcome = event.at, _outcome(event.kind.removeprefix("step-"))
            if step.outcome is Outcome.FAILED:
                step.error = self.error = _error(event)

    def _find(self, event: Event) -> None:
        text = printable(event.text)
        if text not in (known for _, known in self.findings):
            self.findings.append((event.at, text))
            del self.findings[:-_SHOWN_FINDINGS]

    def _feed_machine(self, event: Event, name: str) -> None:
        if event.kind in ("vm", "node"):
            now = str(event.data.get("now", ""))
            joined = self.vms.get(name, ("", 0.0))[0] == "joined" and now in ("answers", "ready")
            if now and not joined:
                self.vms[name] = (printable(now), event.at)
            return
        seen = self.machines.setdefault(name, MachineSeen())
        if event.kind == "state":
            with suppress(ValueError):
                seen.enter(State(str(event.data.get("state"))), event.at)
        elif event.kind == "evidence":
            seen.text, seen.at = printable(event.text), event.at
        elif event.kind == "decision":
            waits = event.data.get("action") in ("hold", "discover")
            seen.hold = printable(str(event.data.get("reason", ""))) if waits else ""
        elif event.kind == "identified":
            seen.hold = "" if event.data.get("disk") else seen.hold
        elif event.kind == "overdue":
            seen.advice = printable(str(event.data.get("advice", event.text)))
        elif event.kind in ("http", "tftp"):
            _take_percent(seen, event)


def _take_percent(seen: MachineSeen, event: Event) -> None:
    said = str(event.data.get("percent", ""))
    if not (said.isascii() and said.isdigit()):
        return
    file, percent = printable(str(event.data.get("file", ""))), min(100, int(said))
    if seen.file != file or (seen.points and percent < seen.points[-1][1]):
        seen.points.clear()  # another file, or the same once more
    seen.file = file
    seen.points.append((event.at, percent))


def _error(event: Event) -> dict[str, str]:
    keys = ("code", "what", "where", "why", "fix")
    found = {key: printable(str(event.data.get(key, ""))) for key in keys}
    return found if found["what"] else {**found, "what": printable(event.text)}


def _outcome(text: str) -> Outcome:
    try:
        return Outcome(text)
    except ValueError:
        return Outcome.FAILED


def _texts(value: object) -> tuple[str, ...]:
    return tuple(printable(str(each)) for each in value) if isinstance(value, list | tuple) else ()
