"""A step that leaves nothing behind has nothing to take back."""

from __future__ import annotations

from appliance.flow.step import Done
from tests.unit.flow.test_engine import Doubling


def test_undo_does_nothing_unless_a_step_says_so() -> None:
    """The default takes nothing back and fails at nothing."""
    step = Doubling()
    assert step.run(3) == Done(6, {"doubled": 3})
    assert step.undo() == ()
    assert step.found == 6
