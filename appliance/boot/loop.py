"""One selector loop with timers, on which the datagram services run.

Only `stop` and `call_soon` may be called from another thread.
"""

from __future__ import annotations

import contextlib
import heapq
import itertools
import os
import selectors
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

Callback = Callable[[], None]


class HasFileno(Protocol):
    """A socket, or anything else that a selector can watch."""

    def fileno(self) -> int:
        """Give the file descriptor."""


@dataclass(order=True, slots=True)
class Timer:
    """A call due at a monotonic time. `cancel` takes it back."""

    due: float
    order: int
    call: Callback | None = field(compare=False)

    def cancel(self) -> None:
        """Take the call back; once it was made this does nothing."""
        self.call = None


class Loop:
    """Watches sockets and timers. An error of one callback goes to `on_error`; the loop goes on."""

    def __init__(
        self, *, monotonic: Callable[[], float], on_error: Callable[[BaseException], None]
    ) -> None:
        self._monotonic = monotonic
        self._on_error = on_error
        self._selector = selectors.DefaultSelector()
        self._timers: list[Timer] = []
        self._order = itertools.count()
        self._soon: deque[Callback] = deque()
        self._stopping = False
        self._wake_out, self._wake_in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._wake_out, selectors.EVENT_READ, self._drain_wakes)

    def watch(self, source: HasFileno, on_readable: Callback) -> None:
        """Call `on_readable` whenever `source` can be read."""
        self._selector.register(source, selectors.EVENT_READ, on_readable)

    def forget(self, source: HasFileno) -> None:
        """Stop watching; what is not watched is ignored."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(source)

    def at(self, due: float, call: Callback) -> Timer:
        """Call once at a monotonic time."""
        timer = Timer(due, next(self._order), call)
        heapq.heappush(self._timers, timer)
        return timer

    def after(self, seconds: float, call: Callback) -> Timer:
        """Call once in so many seconds."""
        return self.at(self._monotonic() + seconds, call)

    def every(self, seconds: float, call: Callback) -> None:
        """Call again and again, each time `seconds` after the call before began."""

        def again() -> None:
            self.after(seconds, again)
            call()

        self.after(seconds, again)

    def call_soon(self, call: Callback) -> None:
        """Have a call made on the loop's thread; from any thread."""
        self._soon.append(call)
        self._wake()

    def stop(self) -> None:
        """Have `run` return; from any thread."""
        self._stopping = True
        self._wake()

    def run(self) -> None:
        """Serve until `stop`."""
        while not self._stopping:
            for key, _ in self._selector.select(self._pause()):
                self._guarded(key.data)
            while self._soon:
                self._guarded(self._soon.popleft())
            self._run_due()

    def close(self) -> None:
        """Free the selector and the wake pipe."""
        self._selector.close()
        os.close(self._wake_out)
        os.close(self._wake_in)

    def _pause(self) -> float | None:
        while self._timers and self._timers[0].call is None:
            heapq.heappop(self._timers)
        if self._soon:
            return 0
        return max(self._timers[0].due - self._monotonic(), 0) if self._timers else None

    def _run_due(self) -> None:
        now = self._monotonic()
        while self._timers and self._timers[0].due <= now:
            timer = heapq.heappop(self._timers)
            if timer.call is not None:
                call, timer.call = timer.call, None
                self._guarded(call)

    def _guarded(self, call: Callback) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - one bad packet must not end the services
            self._on_error(error)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_in, b"!")

    def _drain_wakes(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while os.read(self._wake_out, 1024):
                pass
