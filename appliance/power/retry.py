"""When an act on a BMC may be tried again, and after how long. A schedule, no clock.

A read, and setting what may be set twice, are tried again. A power command is not: its answer may
have been lost after it was carried out, so the state is read first (`redfish.py` does so).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

Answer = TypeVar("Answer")

BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP states that pass: so answers a BMC that restarts or has too many sessions (RFC 9110 15)."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The pauses between tries, in seconds; one more try than pauses."""

    pauses: tuple[float, ...] = (1.0, 3.0, 6.0)

    def pause_after(self, attempt: int) -> float | None:
        """Give the pause after a failed try (they count from 1), None after the last."""
        return self.pauses[attempt - 1] if 1 <= attempt <= len(self.pauses) else None

    @property
    def whole(self) -> float:
        """Seconds that the pauses take together."""
        return sum(self.pauses)


def again(
    act: Callable[[], Answer],
    *,
    passing: Callable[[Exception], bool],
    schedule: Schedule,
    sleep: Callable[[float], None],
) -> Answer:
    """Do it, and again after each failure that may pass, as often as the schedule has it.

    `passing` judges a failure. Raises what the last try raised.
    """
    attempt = 0
    while True:
        attempt += 1
        try:
            return act()
        except Exception as error:
            pause = schedule.pause_after(attempt) if passing(error) else None
            if pause is None:
                raise
            sleep(pause)
