"""When each machine was where, and where that is drawn."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.handover.timeline import LEGEND, PHASES, Axis, Change, Leg, Span, attempts, legs
from appliance.machines.state import State


def test_every_state_of_a_machine_has_a_colour_that_the_legend_explains() -> None:
    """A new state is not drawn as nothing."""
    assert set(PHASES) == {state.value for state in State}
    assert set(PHASES.values()) == {phase for phase, _ in LEGEND}


def test_legs_lie_between_state_changes_and_the_last_is_open() -> None:
    """Each ends where the next begins."""
    found = legs([Change(10, "firmware"), Change(14, "bootloader"), Change(20, "ready")], 50)
    assert found == (
        Leg("firmware", 10, 14),
        Leg("bootloader", 14, 20),
        Leg("ready", 20, 50, open=True),
    )
    assert [leg.seconds for leg in found] == [4, 6, 30]
    assert legs([], 50) == ()


def test_a_clock_that_stepped_back_gives_no_negative_leg() -> None:
    """Stored times are as the clock was then."""
    assert [leg.seconds for leg in legs([Change(10, "a"), Change(4, "b")], 2)] == [0, 0]


def test_installers_are_counted_by_their_configuration() -> None:
    """Each fetches it once."""
    states = ("firmware", "config", "failed", "firmware", "config", "ready")
    assert attempts(Change(0, state) for state in states) == 2


def test_the_time_between_two_runs_takes_no_room() -> None:
    """A night's rest does not squeeze the work of a day to a line."""
    axis = Axis([Span(0, 100), Span(80_000, 80_300)])
    assert axis.seconds == 400
    assert axis.place(100) == axis.place(50_000) == axis.place(80_000) == 0.25
    assert (axis.place(-5), axis.place(10**6)) == (0.0, 1.0)
    assert axis.breaks() == (0.25,)


def test_no_run_is_drawn_without_dividing_by_nothing() -> None:
    """Before the first run there is no axis."""
    axis = Axis([Span(5, 5)])
    assert (axis.seconds, axis.place(5), axis.ticks(), axis.breaks()) == (0, 0.0, (), ())


@pytest.mark.parametrize("seconds", [0.5, 1, 30, 2000, 90_000, 10**7])
def test_ticks_are_few_and_in_order(seconds: float) -> None:
    """Nine at most with the zero, none beyond the end."""
    ticks = Axis([Span(0, seconds)]).ticks()
    assert 1 <= len(ticks) <= 9
    assert ticks == tuple(sorted(ticks))
    assert all(0 <= place <= 1 for place, _ in ticks)


@given(
    st.lists(st.tuples(st.floats(0, 1e5), st.floats(0, 1e4)), max_size=5),
    st.lists(st.floats(-10, 1e6), min_size=2),
)
def test_later_times_are_never_drawn_further_left(
    pairs: list[tuple[float, float]], times: list[float]
) -> None:
    """Whatever the runs were."""
    start = 0.0
    spans = []
    for gap, length in pairs:
        spans.append(Span(start + gap, start + gap + length))
        start += gap + length
    axis = Axis(spans)
    places = [axis.place(at) for at in sorted(times)]
    assert all(two >= one - 1e-9 for one, two in pairwise(places))
    assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)
