"""How many events a service may give: a flood of packets must not become a flood of events.

Evidence always passes. Anything else passes once a minute for the same machine and words, and
not above a rate. What was held back is counted and said. Pure: the time is an argument.
"""

from __future__ import annotations

from appliance.boot.model import BootEvent

RATE = 100.0
"""Events a second in the long run; a rack of 40 that boots at once stays within the burst."""

BURST = 400.0
REPEAT_AFTER = 60.0
_REMEMBERED = 4096


class EventGate:
    """Lets events pass, or counts them."""

    def __init__(self) -> None:
        self._tokens = BURST
        self._filled = 0.0
        self._last: dict[tuple[object, str], float] = {}
        self._held_back = 0

    def admits(self, event: BootEvent, now: float) -> bool:
        """Say whether an event may be given at `now` (monotonic seconds)."""
        if event.kind == "evidence":
            return True
        key = (event.mac, event.text)
        if now - self._last.get(key, -REPEAT_AFTER) < REPEAT_AFTER:
            return False
        self._tokens = min(BURST, self._tokens + (now - self._filled) * RATE)
        self._filled = now
        if self._tokens < 1:
            self._held_back += 1
            return False
        self._tokens -= 1
        if len(self._last) >= _REMEMBERED:
            self._last.clear()
        self._last[key] = now
        return True

    def held_back(self) -> int:
        """Give how many events the rate held back since this was last asked."""
        count, self._held_back = self._held_back, 0
        return count
