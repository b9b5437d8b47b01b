"""While main waits for Terraform, Ansible or a virtual machine, the boot services are tended.

What boot says is told at once and not after hours, an adapter that is plugged in again is taken
up again, and Ctrl-C is heard.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from appliance.boot.control import Event, RecordChanged, Reported
from appliance.flow.context import Context
from appliance.flow.reports import take_report
from appliance.flow.roll import Roll
from appliance.flow.services import Services

T = TypeVar("T")

TURN_SECONDS = 0.5


class Say(Protocol):
    """How work on another thread tells of something."""

    def __call__(
        self,
        kind: str,
        text: str,
        *,
        machine: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Have one event told by the thread that holds the journal."""


@dataclass(frozen=True, slots=True)
class _Said:
    kind: str
    text: str
    machine: str | None
    data: Mapping[str, Any] | None


def tell_boot_event(context: Context, event: Event) -> None:
    """Keep one event of the boot process."""
    data = dict(event.event.data)
    if event.event.mac is not None:
        data["mac"] = str(event.event.mac)
    if event.event.seen is not None:
        data["seen"] = event.event.seen.value
    context.tell(
        event.event.kind,
        event.event.text,
        machine=event.event.machine,
        data=data,
        at=event.event.at,
        mark=event.event.mark,
    )


class Tending:
    """Tends the services of one run; `services` is None once they were ended for good."""

    def __init__(self, context: Context, services: Services | None) -> None:
        self._context = context
        self._services = services
        self._roll = Roll(context.proven, context.tell, context.clock.utc)

    def turn(self, seconds: float = TURN_SECONDS) -> None:
        """Tend for up to so many seconds."""
        services = self._services
        if services is not None:
            services.keep_open(lambda text: self._context.tell("finding", text))
        if services is None or not services.running:
            time.sleep(seconds)
            return
        for message in services.messages(seconds):
            if isinstance(message, RecordChanged):
                self._roll.record(message.machine, message.record)
            elif isinstance(message, Reported):
                take_report(self._context, message)
            else:
                tell_boot_event(self._context, message)

    def wait(self, done: Callable[[], bool], *, seconds: float) -> bool:
        """Tend until `done()`, for at most so many seconds; give whether it was done.

        Raises StopRequestedError.
        """
        end = self._context.clock.monotonic() + seconds
        while not done():
            self._context.raise_if_stopped()
            if self._context.clock.monotonic() > end:
                return False
            self.turn()
        return True

    def work(self, job: Callable[[Say], T]) -> T:
        """Do `job` on a thread of its own, tending meanwhile; give what it gives.

        The job may not touch the stores; it tells by the function it is given, and ends by itself
        soon after `context.stop` is set. Raises what it raises.
        """
        said: queue.SimpleQueue[_Said] = queue.SimpleQueue()

        def say(
            kind: str,
            text: str,
            *,
            machine: str | None = None,
            data: Mapping[str, Any] | None = None,
        ) -> None:
            said.put(_Said(kind, text, machine, data))

        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="work") as pool:
            future = pool.submit(job, say)
            try:
                while not future.done():
                    self.turn()
                    self._pass_on(said)
            except BaseException:
                self._context.stop.set()  # the job must not go on unheard
                raise
            finally:
                future.exception()  # waits
                self._pass_on(said)
        return future.result()

    def _pass_on(self, said: queue.SimpleQueue[_Said]) -> None:
        while not said.empty():
            each = said.get()
            self._context.tell(each.kind, each.text, machine=each.machine, data=each.data)
