"""Whether the clock is kept is asked of the kernel."""

from __future__ import annotations

from appliance.tools.host_clock import synchronised


def test_the_kernel_gives_an_answer() -> None:
    """It is one or the other, and the clock is not touched by asking."""
    assert synchronised() in (True, False)
