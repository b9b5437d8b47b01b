"""The loop: sockets, timers, calls from other threads, and errors that do not end it."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from threading import Thread, get_ident
from time import monotonic

import pytest

from appliance.boot.loop import Loop


@pytest.fixture
def errors() -> list[BaseException]:
    """What the loop's callbacks raised."""
    return []


@pytest.fixture
def loop(errors: list[BaseException]) -> Iterator[Loop]:
    """A loop on the real clock."""
    loop = Loop(monotonic=monotonic, on_error=errors.append)
    yield loop
    loop.close()


def test_timers_fire_in_their_order_and_cancelled_ones_do_not(loop: Loop) -> None:
    """Due first is called first, whatever the order of asking."""
    called: list[str] = []
    loop.after(0.03, loop.stop)
    loop.after(0.02, lambda: called.append("second"))
    loop.after(0.01, lambda: called.append("first"))
    loop.after(0.015, lambda: called.append("never")).cancel()
    loop.run()

    assert called == ["first", "second"]


def test_a_repeated_call_goes_on_after_an_error(loop: Loop, errors: list[BaseException]) -> None:
    """A service's timer is not lost because it failed once."""
    calls: list[int] = []

    def call() -> None:
        calls.append(1)
        if len(calls) == 1:
            raise ValueError("once")
        loop.stop()

    loop.every(0.001, call)
    loop.run()

    assert len(calls) == 2
    assert [type(each) for each in errors] == [ValueError]


def test_a_readable_socket_is_called_until_it_is_forgotten(loop: Loop) -> None:
    """What is not watched any more is not called."""
    ours, theirs = socket.socketpair()
    got: list[bytes] = []

    def on_readable() -> None:
        got.append(ours.recv(1))
        loop.forget(ours)
        loop.forget(ours)
        loop.after(0.01, loop.stop)

    loop.watch(ours, on_readable)
    theirs.send(b"ab")
    loop.run()

    assert got == [b"a"]
    ours.close()
    theirs.close()


def test_another_thread_can_have_a_call_made(loop: Loop) -> None:
    """The loop wakes from an endless wait and makes the call on its own thread."""
    callers: list[int] = []

    def call() -> None:
        callers.append(get_ident())
        loop.stop()

    thread = Thread(target=loop.call_soon, args=(call,))
    loop.call_soon(thread.start)
    loop.run()
    thread.join()

    assert callers == [get_ident()]


def test_calls_made_soon_come_before_the_wait(loop: Loop) -> None:
    """A call queued before `run` is made although no socket and no timer is there."""
    called: list[int] = []
    loop.call_soon(lambda: called.append(1))
    loop.call_soon(loop.stop)
    loop.run()

    assert called == [1]
