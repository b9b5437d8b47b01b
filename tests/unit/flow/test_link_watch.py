"""A cable that is out is said once, and again after it was in."""

from __future__ import annotations

from pathlib import Path

from appliance.flow.link_watch import LinkWatch
from appliance.machines.watch import NO_LINK, SILENT_LINK
from tests.unit.flow.support import Ticks, context_in


def test_a_cable_that_is_pulled_is_said_each_time_it_is(tmp_path: Path) -> None:
    """Not at every turn."""
    ticks, link = Ticks(), [True]
    with context_in(tmp_path, ticks=ticks) as context:
        watch = LinkWatch(context, has_link=lambda _name: link[0])
        for up in (True, False, False, True, False):
            link[0] = up
            watch.turn()
        told = [each.text for each in context.journal.events()]
    assert told == [f"lo: {NO_LINK}"] * 2


def test_a_wire_on_which_nothing_is_heard_is_said(tmp_path: Path) -> None:
    """Until a machine is heard."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        watch = LinkWatch(context, has_link=lambda _name: True)
        ticks.now += 61
        watch.turn()
        watch.turn()
        watch.heard()
        watch.turn()
        told = [each.text for each in context.journal.events()]
    assert told == [f"lo: {SILENT_LINK}"]
