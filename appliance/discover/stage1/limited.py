"""Work that may hang for ever, in child processes with a time limit.

A process that waits for a dead disk cannot be ended, not even by SIGKILL, until the disk answers.
So nobody waits for it: it is left behind, and what it had said until then counts.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

AT_ONCE = 32
_CHUNK = 1 << 16
_MOST = 1 << 20

Work = Callable[[], Iterator[Any]]


class Outcome(NamedTuple):
    """What a work gave until it ended or was left behind; `late`: it did not end in time."""

    values: tuple[Any, ...]
    late: bool


class _Child:
    def __init__(self, work: Work, now: float) -> None:
        reader, writer = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(reader)
            _work(work, writer)
        os.close(writer)
        self.reader = reader
        self.said = b""
        self.since = now

    def outcome(self, *, late: bool) -> Outcome:
        """Stop listening; end it if it can be ended."""
        os.close(self.reader)
        if late:
            os.kill(self.pid, signal.SIGKILL)
        *lines, _ = self.said.split(b"\n")
        return Outcome(tuple(json.loads(line) for line in lines), late)


def within(
    seconds: float, works: Sequence[Work], clock: Callable[[], float] = time.monotonic
) -> list[Outcome]:
    """Run each work in a process of its own, and give what each gave, in the same order.

    A work gives values that JSON can hold, one after the other; it is late when it has given
    nothing for `seconds`. What it raises is swallowed: a work says its troubles itself.
    """
    outcomes: dict[int, Outcome] = {}
    waiting = list(enumerate(works))[::-1]
    running: dict[int, tuple[int, _Child]] = {}
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            index, work = waiting.pop()
            child = _Child(work, clock())
            running[child.reader] = (index, child)
        for reader in select.select(list(running), [], [], 0.2)[0]:
            index, child = running[reader]
            more = os.read(reader, _CHUNK)
            child.said += more
            child.since = clock()
            if not more or len(child.said) > _MOST:
                outcomes[index] = child.outcome(late=bool(more))
                del running[reader]
        for reader, (index, child) in list(running.items()):
            if clock() - child.since > seconds:
                outcomes[index] = child.outcome(late=True)
                del running[reader]
        reap()
    return [outcomes[index] for index in range(len(works))]


def reap() -> None:
    """Collect children that have ended, without waiting for any."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def _work(work: Work, writer: int) -> None:
    """Do the work in the child, and end without touching what the parent has open."""
    try:
        for value in work():
            os.write(writer, json.dumps(value).encode() + b"\n")
    finally:
        os._exit(0)
