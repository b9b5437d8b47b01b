"""How often one client may fill the log: so many lines a minute, then one that says so."""

from __future__ import annotations

from collections.abc import Callable

LINES = 20
SECONDS = 60.0
_CLIENTS = 1024


class Throttle:
    """Counts per key in windows of a minute. `monotonic` gives seconds."""

    def __init__(self, monotonic: Callable[[], float], *, lines: int = LINES) -> None:
        self._monotonic = monotonic
        self._lines = lines
        self._since = monotonic()
        self._counts: dict[object, int] = {}

    def allows(self, key: object) -> bool:
        """Say whether one more line of this client is wanted now."""
        now = self._monotonic()
        if now - self._since >= SECONDS:
            self._since = now
            self._counts.clear()
        if key not in self._counts and len(self._counts) >= _CLIENTS:
            return False
        count = self._counts[key] = self._counts.get(key, 0) + 1
        return count <= self._lines
