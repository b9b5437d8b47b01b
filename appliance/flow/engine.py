"""The engine: takes steps one after another, journals each, and can be killed at any moment.

It never repeats what a step's own `check` proves done, and never believes the journal over the
world: the journal tells the operator what happened, `check` decides what is left to do.
"""

from __future__ import annotations

from typing import TypeVar

from appliance.errors import BridgeheadError, StopRequestedError
from appliance.flow.context import Context
from appliance.flow.step import Done, Step

In = TypeVar("In")
Out = TypeVar("Out")


class UntilReachedError(Exception):
    """The step named by `--to` is done; the run ends here, well."""


class Engine:
    """Takes the steps of one run."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def take(self, step: Step[In, Out], given: In) -> Out:
        """Take one step and give its output.

        Raises what the step raises, after journalling it; UntilReachedError after the step that
        the operator named with `--to`.
        """
        context = self._context
        context.raise_if_stopped()
        run = context.run
        if run is None:
            raise ValueError("a step is taken outside a run")
        context.step = step.name
        context.journal.begin_step(run, step.name, step.digest(given))
        context.tell("step-started", step.title)
        try:
            done, kind = self._check_or_run(step, given)
        except StopRequestedError:
            context.journal.end_step(run, step.name, "interrupted", {})
            raise
        except BridgeheadError as error:
            # It may quote what a machine said.
            told = {key: context.redactor.text(said) for key, said in error.as_dict().items()}
            context.journal.end_step(run, step.name, "failed", told)
            context.tell("step-failed", str(error), data=error.as_dict())
            raise
        context.journal.end_step(run, step.name, "done", done.evidence)
        context.tell(kind, step.title, data={"evidence": dict(done.evidence)})
        context.step = None
        if context.options.until == step.name:
            raise UntilReachedError(step.name)
        return done.value

    @staticmethod
    def _check_or_run(step: Step[In, Out], given: In) -> tuple[Done[Out], str]:
        found = step.check(given)
        if isinstance(found, Done):
            return found, "step-skipped"
        return step.run(given), "step-done"
