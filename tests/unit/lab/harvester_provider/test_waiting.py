"""Waiting, with a limit and an ear."""

from __future__ import annotations

import threading

import pytest

from appliance.lab.harvester_provider.kube import ApiError
from appliance.lab.harvester_provider.waiting import Wait, seconds


@pytest.mark.parametrize(
    ("text", "length"), [("5m", 300), ("1h30m", 5400), ("1.5s", 1.5), ("250ms", 0.25)]
)
def test_durations(text: str, length: float) -> None:
    """Go's durations are read."""
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "5m!"])
def test_what_is_no_duration(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ValueError, match="invalid duration"):
        seconds(text)


def test_it_ends_when_it_is_seen() -> None:
    """It looks until the target is seen, and no further."""
    states = iter(["Ready"])
    Wait(0, threading.Event()).until(lambda: next(states), "Ready")


def test_it_ends_at_the_limit() -> None:
    """At the limit it tells what was seen last."""
    with pytest.raises(ApiError, match="last state: 'Downloading'"):
        Wait(0, threading.Event()).until(lambda: "Downloading", "Active")


def test_it_ends_when_told() -> None:
    """Told to stop, it stops, and tells what was seen."""
    stop = threading.Event()
    stop.set()
    with pytest.raises(ApiError, match="interrupted"):
        Wait(60, stop).until(lambda: "Starting", "Ready")
