"""The clocks of this machine."""

from __future__ import annotations

from appliance.tools.clock import Clock, as_text


def test_the_monotonic_clock_does_not_go_back() -> None:
    """Two readings are in order."""
    clock = Clock.of_this_machine()
    assert clock.monotonic() <= clock.monotonic()
    assert clock.utc() > 1_700_000_000


def test_times_are_written_in_utc() -> None:
    """Logs carry their zone."""
    assert as_text(0) == "1970-01-01T00:00:00Z"
