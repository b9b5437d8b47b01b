"""When each machine was where: legs from state changes, and their place in a drawing. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

PHASES: dict[str, str] = {
    "expected": "waiting",
    "firmware": "boot",
    "bootloader": "boot",
    "waiting": "waiting",
    "discovering": "boot",
    "discovered": "waiting",
    "script": "boot",
    "kernel": "live",
    "rootfs": "live",
    "config": "installer",
    "started": "installer",
    "image": "image",
    "own-disk": "restart",
    "installed": "restart",
    "rebooted": "restart",
    "ready": "ready",
    "failed": "trouble",
    "held": "trouble",
}
"""The colour class of each state; an unknown one is drawn as waiting."""

LEGEND: tuple[tuple[str, str], ...] = (
    ("waiting", "waiting"),
    ("boot", "firmware to boot script"),
    ("live", "kernel and live system"),
    ("installer", "installer"),
    ("image", "image to disk"),
    ("restart", "restart from disk"),
    ("ready", "ready"),
    ("trouble", "failed or held"),
)

_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_MAX_TICKS = 8


@dataclass(frozen=True, slots=True)
class Change:
    """A machine entered a state at a Unix time."""

    at: float
    state: str


@dataclass(frozen=True, slots=True)
class Leg:
    """A machine was in a state from `start` to `end`, Unix seconds; `open`: it still is."""

    state: str
    start: float
    end: float
    open: bool = False

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(0.0, self.end - self.start)

    @property
    def phase(self) -> str:
        """The colour class of its state."""
        return PHASES.get(self.state, "waiting")


def legs(changes: Sequence[Change], until: float) -> tuple[Leg, ...]:
    """Give the legs between state changes; the last one is open and lasts until `until`."""
    if not changes:
        return ()
    closed = tuple(Leg(one.state, one.at, two.at) for one, two in pairwise(changes))
    last = changes[-1]
    return (*closed, Leg(last.state, last.at, max(until, last.at), open=True))


def attempts(changes: Iterable[Change]) -> int:
    """Count the installers that fetched their configuration."""
    return sum(change.state == "config" for change in changes)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of Unix time in which a run went on."""

    start: float
    end: float


class Axis:
    """Places times on 0 … 1. The time between runs takes no room."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self._spans = tuple(span for span in spans if span.end > span.start)
        self.seconds = sum(span.end - span.start for span in self._spans)

    def place(self, at: float) -> float:
        """Give the place of a time; what lies outside all runs falls on the nearest border."""
        if not self.seconds:
            return 0.0
        passed = sum(min(max(at - span.start, 0.0), span.end - span.start) for span in self._spans)
        return passed / self.seconds

    def ticks(self) -> tuple[tuple[float, float], ...]:
        """Give (place, seconds since the start) at round numbers, eight at most."""
        if not self.seconds:
            return ()
        step = next((s for s in _STEPS if self.seconds / s <= _MAX_TICKS), self.seconds)
        count = int(self.seconds / step)
        return tuple((number * step / self.seconds, number * step) for number in range(count + 1))

    def breaks(self) -> tuple[float, ...]:
        """Give the places where one run ended and the next began."""
        return tuple(self.place(span.end) for span in self._spans[:-1])
