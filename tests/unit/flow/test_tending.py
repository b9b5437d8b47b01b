"""Main waits for long work; meanwhile nothing is left unheard. With real services: tests/flow."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from appliance.errors import StepError, StopRequestedError
from appliance.flow.tending import Say, Tending
from tests.unit.flow.support import Ticks, context_in


def test_work_is_done_on_another_thread_and_told_on_this_one(tmp_path: Path) -> None:
    """SQLite takes one thread only: what the work tells is kept all the same, in its order."""
    with context_in(tmp_path) as context:

        def job(say: Say) -> str:
            assert threading.current_thread() is not threading.main_thread()
            say("terraform", "creating", machine="server1", data={"seconds": 1})
            say("terraform", "created")
            return "done"

        assert Tending(context, None).work(job) == "done"
        told = [(each.text, each.machine) for each in context.journal.events()]
    assert told == [("creating", "server1"), ("created", None)]


def test_what_the_work_raises_is_raised_after_its_last_words(tmp_path: Path) -> None:
    """The words say where it got to."""
    with context_in(tmp_path) as context:

        def job(say: Say) -> None:
            say("terraform", "creating")
            raise StepError("the image is too large")

        with pytest.raises(StepError, match="too large"):
            Tending(context, None).work(job)
        assert [each.text for each in context.journal.events()] == ["creating"]


def test_a_fault_on_this_side_stops_the_work(tmp_path: Path) -> None:
    """Work that nobody hears any more must end; it is waited for."""
    ended = threading.Event()

    def listener(_event: object) -> None:
        raise OSError("the screen is gone")

    with context_in(tmp_path, listeners=(listener,)) as context:

        def job(say: Say) -> None:
            say("terraform", "creating")
            assert context.stop.wait(20)
            ended.set()

        with pytest.raises(OSError, match="the screen is gone"):
            Tending(context, None).work(job)
    assert ended.is_set()


def test_a_wait_ends_when_done_or_when_its_time_is_over(tmp_path: Path) -> None:
    """And says which."""
    ticks = Ticks()

    def later() -> bool:
        ticks.now += 10
        return False

    with context_in(tmp_path, ticks=ticks) as context:
        assert Tending(context, None).wait(lambda: True, seconds=1)
        assert not Tending(context, None).wait(later, seconds=15)


def test_ctrl_c_ends_a_wait(tmp_path: Path) -> None:
    """At its next look."""
    with context_in(tmp_path) as context:
        context.stop.set()
        with pytest.raises(StopRequestedError):
            Tending(context, None).wait(lambda: False, seconds=60)
