"""A loop on a thread of its own, and loopback sockets, for the datagram services' tests."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import gettempdir
from threading import Event, Thread
from time import monotonic

from appliance.boot.loop import Loop
from appliance.tools.clock import Clock

PATIENCE = 10.0
"""Seconds until a test gives up on an answer; no test measures."""

CLOCK = Clock.of_this_machine()


def udp(address: str = "127.0.0.1") -> socket.socket:
    """Open a UDP socket on a free port."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((address, 0))
    sock.settimeout(PATIENCE)
    return sock


def tcp(address: str = "127.0.0.1") -> socket.socket:
    """Open a listening TCP socket on a free port."""
    sock = socket.socket()
    sock.bind((address, 0))
    sock.listen(64)
    return sock


@contextmanager
def running(*makers: Callable[[Loop], object]) -> Iterator[Loop]:
    """Run a loop with services until the block ends. No callback of theirs may have raised."""
    errors: list[BaseException] = []
    loop = Loop(monotonic=monotonic, on_error=errors.append)
    for maker in makers:
        maker(loop)
    thread = Thread(target=loop.run)
    thread.start()
    try:
        yield loop
    finally:
        loop.stop()
        thread.join(PATIENCE)
        loop.close()
    assert errors == []


def on_loop(loop: Loop, call: Callable[[], object]) -> None:
    """Have a call made on the loop's thread, and wait for it."""
    done = Event()

    def make() -> None:
        call()
        done.set()

    loop.call_soon(make)
    assert done.wait(PATIENCE)


def until(true: Callable[[], bool]) -> None:
    """Wait for what another thread is about to do."""
    end = monotonic() + PATIENCE
    pause = Event()
    while not true():
        assert monotonic() < end, "it did not happen"
        pause.wait(0.005)


def reachable(folder: Path) -> None:
    """Let the unprivileged process go through pytest's own folders, which are 0700."""
    for each in (folder, *folder.parents):
        if each == Path(gettempdir()) or each.stat().st_uid != os.geteuid():
            return
        each.chmod(0o711)
