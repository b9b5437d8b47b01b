"""Bounded tries with pauses between them; nothing here waits."""

from __future__ import annotations

import pytest

from appliance.power.retry import BUSY, Schedule, again


class Slept:
    """Remembers pauses in place of waiting."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def __call__(self, seconds: float) -> None:
        """Note a pause."""
        self.pauses.append(seconds)


def test_the_pauses_grow_and_end() -> None:
    """Three pauses are four tries; after the last there is none."""
    schedule = Schedule((1.0, 3.0, 6.0))

    assert [schedule.pause_after(n) for n in range(6)] == [None, 1.0, 3.0, 6.0, None, None]
    assert schedule.whole == 10.0


def test_a_failure_that_passes_is_tried_again() -> None:
    """After the pauses of the schedule, no more of them than needed."""
    slept = Slept()
    tries: list[int] = []

    def act() -> str:
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("reset")
        return "on"

    answer = again(
        act,
        passing=lambda error: isinstance(error, ConnectionError),
        schedule=Schedule((1.0, 3.0, 6.0)),
        sleep=slept,
    )

    assert (answer, len(tries), slept.pauses) == ("on", 3, [1.0, 3.0])


def test_the_last_failure_is_told() -> None:
    """After so many tries as there are pauses, and one."""
    slept = Slept()
    tries: list[int] = []

    def act() -> None:
        tries.append(1)
        raise ConnectionError(f"try {len(tries)}")

    with pytest.raises(ConnectionError, match="try 3"):
        again(act, passing=lambda _error: True, schedule=Schedule((1.0, 2.0)), sleep=slept)
    assert slept.pauses == [1.0, 2.0]


def test_what_does_not_pass_is_told_at_once() -> None:
    """A wrong password is tried once: some BMCs lock the user after a few tries."""
    slept = Slept()
    tries: list[int] = []

    def act() -> None:
        tries.append(1)
        raise PermissionError("no")

    with pytest.raises(PermissionError):
        again(act, passing=lambda _error: False, schedule=Schedule(), sleep=slept)
    assert (len(tries), slept.pauses) == (1, [])


def test_a_refusal_is_not_busy() -> None:
    """401, 403, 404 and 501 do not pass by waiting."""
    assert BUSY.isdisjoint({400, 401, 403, 404, 405, 409, 412, 501})
    assert {503, 429} <= BUSY
