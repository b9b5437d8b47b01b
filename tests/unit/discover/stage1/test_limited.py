"""Work that may hang."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from appliance.discover.stage1 import limited


def quick() -> Iterator[Any]:
    """Give two values."""
    yield {"raw": True}
    yield "ä"


def stuck() -> Iterator[Any]:
    """Give one value, then nothing for ever."""
    yield "first"
    time.sleep(3600)


def broken() -> Iterator[Any]:
    """Raise after its first value."""
    yield 1
    raise ValueError


def test_each_gives_what_it_gave(capfd: Any) -> None:
    """In the order of the works; one that hangs is late, and what it had said counts."""
    found = limited.within(0.5, [quick, stuck, broken, lambda: iter(())])
    assert found == [
        limited.Outcome(({"raw": True}, "ä"), late=False),
        limited.Outcome(("first",), late=True),
        limited.Outcome((1,), late=False),
        limited.Outcome((), late=False),
    ]
    capfd.readouterr()


def test_sixty_four_that_hang_take_two_limits_not_sixty_four() -> None:
    """So many at once are looked at; nothing is left behind that could be ended."""
    turns: list[int] = []
    others = _children()

    def clock() -> float:
        turns.append(len(turns))
        return turns[-1] * 0.05

    assert all(each.late for each in limited.within(1, [stuck] * 64, clock))
    deadline = 200
    while deadline and _children() - others:
        limited.reap()
        time.sleep(0.05)
        deadline -= 1
    assert _children() <= others


def _children() -> set[int]:
    """Give the living children of this process, other tests' among them."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == os.getpid() and state != "Z":
                found.add(int(stat.parent.name))
    return found
