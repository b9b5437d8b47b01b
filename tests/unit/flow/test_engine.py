"""The engine journals what happens, believes only checks, and stops when asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import StepError, StopRequestedError
from appliance.flow.context import Context, Options
from appliance.flow.engine import Engine, UntilReachedError
from appliance.flow.step import Done, NotYet, Step
from tests.unit.flow.support import context_in


class Doubling(Step[int, int]):
    """Doubles a number, once: then its check finds it done."""

    name = "s1"
    title = "double a number"

    def __init__(self) -> None:
        self.found: int | None = None
        self.runs = 0
        self.fails: StepError | None = None

    def digest(self, given: int) -> str:
        """Name the number."""
        return str(given)

    def check(self, given: int) -> Done[int] | NotYet:
        """Done once it ran."""
        del given
        return NotYet("never run") if self.found is None else Done(self.found, {"found": True})

    def run(self, given: int) -> Done[int]:
        """Double, or fail."""
        self.runs += 1
        if self.fails is not None:
            raise self.fails
        self.found = given * 2
        return Done(self.found, {"doubled": given})


def _kinds(context: Context) -> list[str]:
    return [event.kind for event in context.journal.events()]


def test_a_step_runs_and_is_journalled(tmp_path: Path) -> None:
    """Output is given on; the journal has the digest, the outcome and the evidence."""
    with context_in(tmp_path) as context:
        assert Engine(context).take(Doubling(), 21) == 42
        (entry,) = context.journal.steps()
        assert (entry.name, entry.inputs, entry.outcome) == ("s1", "21", "done")
        assert entry.evidence == {"doubled": 21}
        assert _kinds(context) == ["step-started", "step-done"]


def test_what_is_proven_is_not_repeated(tmp_path: Path) -> None:
    """A step whose check finds it done does not run again."""
    step = Doubling()
    with context_in(tmp_path) as context:
        engine = Engine(context)
        assert engine.take(step, 4) == engine.take(step, 4) == 8
        assert step.runs == 1
        assert _kinds(context)[-1] == "step-skipped"


def test_a_failing_step_is_journalled_and_told(tmp_path: Path) -> None:
    """The error's parts are kept, and it is raised on."""
    step = Doubling()
    step.fails = StepError("it broke", where="here", why="because", fix="mend it")
    with context_in(tmp_path) as context:
        with pytest.raises(StepError, match="it broke"):
            Engine(context).take(step, 4)
        (entry,) = context.journal.steps()
        assert entry.outcome == "failed"
        assert entry.evidence["fix"] == "mend it"
        assert _kinds(context)[-1] == "step-failed"


def test_a_stop_is_obeyed_before_the_next_step(tmp_path: Path) -> None:
    """After Ctrl-C no further step begins."""
    with context_in(tmp_path) as context:
        context.stop.set()
        with pytest.raises(StopRequestedError):
            Engine(context).take(Doubling(), 4)
        assert context.journal.steps() == ()


def test_the_run_ends_after_the_step_named_by_to(tmp_path: Path) -> None:
    """`--to s1` ends the run well, with s1 done."""
    with context_in(tmp_path, options=Options(interface="lo", until="s1")) as context:
        with pytest.raises(UntilReachedError):
            Engine(context).take(Doubling(), 4)
        (entry,) = context.journal.steps()
        assert entry.outcome == "done"


def test_events_reach_listeners_with_their_step(tmp_path: Path) -> None:
    """Whoever watches is told at once, with run and step."""
    told: list[str] = []
    with context_in(
        tmp_path, listeners=(lambda event: told.append(f"{event.step} {event.kind}"),)
    ) as context:
        Engine(context).take(Doubling(), 1)
    assert told == ["s1 step-started", "s1 step-done"]
