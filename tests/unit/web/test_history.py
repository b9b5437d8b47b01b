"""What a site's events come to."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from appliance.machines.state import State
from appliance.store.journal import Event
from appliance.web.history import History, Outcome


class Told:
    """A history that is told one event a second."""

    def __init__(self) -> None:
        self.history = History()
        self._numbers = count(1)

    def tell(
        self, kind: str, text: str = "", *, machine: str = "", step: str = "", **data: Any
    ) -> None:
        """Tell one event."""
        number = next(self._numbers)
        event = Event(number, float(number), kind, text, step or None, machine or None, data)
        self.history.feed(event)


@pytest.fixture
def told() -> Told:
    """A run that has begun its first step."""
    told = Told()
    told.tell("run-started")
    told.tell("step-started", step="s1")
    return told


def test_virtual_machines_that_joined_stay_joined(told: Told) -> None:
    """What is heard of them later is no step back; a removal is."""
    for now in ("created", "answers", "joined", "answers"):
        told.tell("vm", machine="app1", now=now)
    assert told.history.vms["app1"][0] == "joined"
    told.tell("vm", machine="app1", now="removed")
    assert told.history.vms["app1"][0] == "removed"


def test_a_step_ends_with_its_run(told: Told) -> None:
    """A step that said no end itself has the run's; the next run begins anew."""
    assert told.history.steps["s1"].outcome is Outcome.RUNNING
    told.tell("run-ended", outcome="interrupted")
    step = told.history.steps["s1"]
    assert (step.outcome, step.started, step.ended) == (Outcome.INTERRUPTED, 2.0, 3.0)
    told.tell("run-started")
    assert told.history.steps == {}
    assert (told.history.run_started, told.history.run_ended) == (4.0, None)


def test_a_failure_before_any_step_is_kept(told: Told) -> None:
    """Code, what, where, why and fix; a text alone is what happened."""
    told.tell("step-failed", "no such file")
    assert told.history.error["what"] == "no such file"
    told.tell("step-failed", "x", step="s1", code="BH400", what="it broke")
    assert told.history.steps["s1"].outcome is Outcome.FAILED
    assert (told.history.error["code"], told.history.error["what"]) == ("BH400", "it broke")


def test_trouble_keeps_the_place_before_it(told: Told) -> None:
    """And a machine that is armed anew has entered nothing."""
    for state in ("image", "failed"):
        told.tell("state", machine="hv1", state=state)
    seen = told.history.machines["hv1"]
    assert (seen.state, seen.before_trouble) == (State.FAILED, State.IMAGE)
    told.tell("state", machine="hv1", state="expected")
    assert set(seen.entered) == {State.EXPECTED}
    told.tell("state", machine="hv1", state="no such state")
    assert seen.state is State.EXPECTED


def test_points_are_of_one_transfer(told: Told) -> None:
    """Another file, or the same from the start, begins anew; what is no number is none."""
    for percent, file in (("5", "a"), ("9", "a"), ("x", "a"), ("1", "b"), ("7", "b"), ("2", "b")):
        told.tell("http", machine="hv1", percent=percent, file=file)
    seen = told.history.machines["hv1"]
    assert (seen.file, [percent for _, percent in seen.points]) == ("b", [2])


def test_a_finding_is_kept_once_and_the_newest_twenty(told: Told) -> None:
    """The page stays short, however long the night."""
    for number in (*range(30), 29):
        told.tell("finding", f"odd {number}")
    assert [text for _, text in told.history.findings] == [f"odd {n}" for n in range(10, 30)]
    assert told.history.line == (33.0, "odd 29")


def test_what_machines_say_comes_without_control_codes(told: Told) -> None:
    """A page, a terminal and a log show it alike."""
    told.tell("finding", "bad\x1b[31m")
    assert "\x1b" not in told.history.findings[0][1]


def test_strangers_are_those_of_this_run(told: Told) -> None:
    """Who asked to boot or reported and is nobody's; a machine of the site is none."""
    told.tell("decision", mac="52:54:00:00:00:09")
    told.tell("discovered", mac="52:54:00:00:00:08")
    told.tell("decision", machine="hv1", mac="52:54:00:00:00:01")
    told.tell("decision")
    assert list(told.history.strangers) == ["52:54:00:00:00:09", "52:54:00:00:00:08"]
    told.tell("run-started")
    assert told.history.strangers == {}
