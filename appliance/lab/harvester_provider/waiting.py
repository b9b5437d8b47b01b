"""Waiting for what the API makes happen: with a limit, and with an ear for being told to stop."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable

from appliance.lab.harvester_provider.kube import ApiError

PAUSE = 3.0
"""Seconds between two looks, as upstream's; it waits 10 before the first at a machine."""

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|h|m|s)")


def seconds(duration: str) -> float:
    """Give the length of a Go duration such as `1h30m`. Raises ValueError."""
    parts = _PART.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration:
        raise ValueError(f'invalid duration "{duration}"')
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class Wait:
    """One operation's patience."""

    def __init__(self, limit: float, stop: threading.Event) -> None:
        self._end = time.monotonic() + limit
        self._limit = limit
        self._stop = stop

    def until(self, look: Callable[[], str], target: str) -> None:
        """Look until `target` is seen. Raises ApiError at the limit, or when told to stop."""
        seen = look()
        while seen != target:
            if time.monotonic() >= self._end:
                raise ApiError(
                    0,
                    f"timeout while waiting for state to become '{target}'"
                    f" (last state: '{seen}', timeout: {self._limit:.0f}s)",
                )
            if self._stop.wait(PAUSE):
                raise ApiError(0, f"interrupted while waiting for '{target}', seen: '{seen}'")
            seen = look()
