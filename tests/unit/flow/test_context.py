"""The context keeps what it is told before it passes it on."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import StopRequestedError
from appliance.store.journal import Event
from tests.unit.flow.support import context_in


def test_an_event_is_on_disk_before_a_listener_hears_it(tmp_path: Path) -> None:
    """A listener that looks into the journal finds the event there."""
    found: list[bool] = []

    def look(event: Event) -> None:
        found.append(any(each.id == event.id for each in context.journal.events()))

    with context_in(tmp_path, listeners=(look,)) as context:
        context.tell("finding", "something", machine="hv1", data={"a": 1}, at=5.0)
        (event,) = context.journal.events(machine="hv1")
    assert found == [True]
    assert (event.at, event.text, event.data) == (5.0, "something", {"a": 1})


def test_a_stop_is_raised_with_what_to_do_next(tmp_path: Path) -> None:
    """Stopping is no error of the site: running again continues."""
    with context_in(tmp_path) as context:
        context.raise_if_stopped()
        context.stop.set()
        with pytest.raises(StopRequestedError) as caught:
            context.raise_if_stopped()
    assert caught.value.exit_code == 130
    assert "again" in caught.value.fix


def test_what_is_told_again_is_kept_and_heard_once(tmp_path: Path) -> None:
    """After a kill the boot process repeats what main may not have kept."""
    heard: list[str] = []
    with context_in(tmp_path, listeners=(lambda event: heard.append(event.text),)) as context:
        for mark in ("a.1", "a.2", "a.1", "a.2", "a.3"):
            context.tell("evidence", mark, mark=mark)
        for _ in range(2):
            context.tell("finding", "of its own")
        kept = [each.text for each in context.journal.events()]
    assert heard == kept == ["a.1", "a.2", "a.3", "of its own", "of its own"]
