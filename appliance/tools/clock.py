"""The clocks: UTC for what is stored, monotonic for what is waited for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Clock:
    """`utc()` gives Unix seconds; `monotonic()` seconds that no clock step moves."""

    utc: Callable[[], float]
    monotonic: Callable[[], float]

    @classmethod
    def of_this_machine(cls) -> Clock:
        """Give the real clocks."""
        return cls(time.time, time.monotonic)  # noqa: TID251 - the one place that reads the clock


def as_text(unix: float) -> str:
    """Write a Unix time as UTC for logs: 2026-11-21T09:30:00Z."""
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
