"""Who is there: leases renewed, and since when they are not. Pure: times come in.

Two clocks: `seen` is the monotonic clock of this process, and decides; `at` is the calendar's
time, and is shown.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import Any

UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class Beat:
    """The last word of one node: what it says of itself, and when it came."""

    seen: float
    at: str
    ready: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether a node is Ready, and since when: `True`, `False` or `Unknown`."""

    status: str
    reason: str
    message: str
    heartbeat: str
    since: str


_SILENT = ("NodeStatusUnknown", "Kubelet stopped posting node status.")
_NEVER = ("NodeStatusNeverUpdated", "Kubelet never posted node status.")


class Liveness:
    """The leases this server has seen. Every method may be called from any thread."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._lock = threading.Lock()
        self._beats: dict[str, Beat] = {}
        self._conditions: dict[str, Condition] = {}

    def beat(self, name: str, word: dict[str, Any], seen: float, at: str) -> None:
        """Take a node's word that it is there."""
        with self._lock:
            self._beats[name] = Beat(
                seen,
                at,
                bool(word.get("ready", True)),
                str(word.get("reason", "KubeletReady")),
                str(word.get("message", "kubelet is posting ready status")),
            )

    def forget(self, name: str) -> None:
        """Drop a node that was deleted."""
        with self._lock:
            self._beats.pop(name, None)
            self._conditions.pop(name, None)

    def condition(self, name: str, now: float, at: str) -> Condition:
        """Judge a node. A change keeps the moment at which it was first seen."""
        with self._lock:
            fresh = self._judge(self._beats.get(name), now, at)
            before = self._conditions.get(name)
            if before and (before.status, before.reason) == (fresh.status, fresh.reason):
                fresh = replace(fresh, since=before.since)
            self._conditions[name] = fresh
            return fresh

    def renewed(self, name: str) -> str:
        """Give when a node's lease was renewed last, or nothing."""
        with self._lock:
            beat = self._beats.get(name)
            return beat.at if beat else ""

    def _judge(self, beat: Beat | None, now: float, at: str) -> Condition:
        if beat is None:
            return Condition(UNKNOWN, *_NEVER, heartbeat=at, since=at)
        if now - beat.seen > self._grace:
            return Condition(UNKNOWN, *_SILENT, heartbeat=beat.at, since=at)
        return Condition(str(beat.ready), beat.reason, beat.message, beat.at, at)


class Quorum:
    """Which of the other servers were heard of lately."""

    def __init__(self, grace: float) -> None:
        self._grace = grace
        self._lock = threading.Lock()
        self._heard: dict[str, float] = {}

    def heard(self, name: str, now: float) -> None:
        """A server asked or answered."""
        with self._lock:
            self._heard[name] = now

    def present(self, others: set[str], now: float) -> set[str]:
        """Give those of the other servers that are there."""
        with self._lock:
            return {n for n in others if now - self._heard.get(n, -1e9) <= self._grace}

    def holds(self, others: set[str], now: float) -> bool:
        """Whether this server and those that are there are a majority of all."""
        return 2 * (1 + len(self.present(others, now))) > 1 + len(others)
