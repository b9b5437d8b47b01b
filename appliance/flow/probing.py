"""Asks addresses, every few seconds and on threads of its own, whether a system answers there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from ipaddress import IPv4Address

from appliance.hypervisor.ready import Answer
from appliance.tools.clock import Clock

_SECONDS = 4.0
_THREADS = 8


class Probing:
    """One watch's probes. Never blocks, until it is ended."""

    def __init__(self, clock: Clock, probe: Callable[[IPv4Address], Answer]) -> None:
        self._clock = clock
        self._probe = probe
        self._asked: dict[str, Future[Answer]] = {}
        self._next = 0.0
        self._pool = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="probe")

    def turn(self, wanted: Callable[[], Mapping[str, IPv4Address]]) -> Iterator[tuple[str, Answer]]:
        """Give what was answered since, by name; then ask what is `wanted`, if it is time again.

        Who has not answered yet is not asked twice.
        """
        for name, probe in list(self._asked.items()):
            if probe.done():
                del self._asked[name]
                yield name, probe.result()
        now = self._clock.monotonic()
        if now < self._next:
            return
        self._next = now + _SECONDS
        for name, address in wanted().items():
            if name not in self._asked:
                self._asked[name] = self._pool.submit(self._probe, address)

    def stop(self) -> None:
        """Wait for the probes that go on; each has a limit of its own."""
        self._pool.shutdown(wait=True)
