"""Sockets and their names go over in one message, and nothing else is taken for it."""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.boot.passing import fetch, pass_on
from appliance.errors import WireError
from tests.unit.boot.running_loop import tcp, udp

Ends = tuple[socket.socket, socket.socket]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """A connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


def test_what_is_passed_is_the_same_socket(ends: Ends) -> None:
    """By name; and what follows on the connection is not read along with it."""
    ours, theirs = ends
    read, write = os.pipe()
    with tcp() as http, udp() as tftp:
        named = {"http": http.fileno(), "tftp": tftp.fileno()}
        pass_on(ours, Path("/state/boot"), named, write)
        ours.sendall(b'{"next": 1}\n')
        passed = fetch(theirs)
        again = {name: socket.socket(fileno=fd) for name, fd in passed.sockets.items()}
        same = {name: sock.getsockname() for name, sock in again.items()}
        expected = {"http": http.getsockname(), "tftp": tftp.getsockname()}
        for each in again.values():
            each.close()
    os.write(passed.last_words, b"words")
    os.close(passed.last_words)
    os.close(write)

    assert same == expected
    assert passed.state_dir == Path("/state/boot")
    assert os.read(read, 9) == b"words"
    assert theirs.recv(99) == b'{"next": 1}\n'
    os.close(read)


@pytest.mark.parametrize(
    ("message", "count", "why"),
    [
        (b"", 0, "no list"),
        (b"[]", 1, "no list"),
        (b'{"state": "/s"}', 1, "no list"),
        (b'{"state": "/s", "names": ["http", "stderr"]}', 1, "2 sockets are named and 1 came"),
        (b'{"state": "/s", "names": ["http", "http"]}', 2, "2 sockets are named and 2 came"),
        (b'{"state": "/s", "names": ["stderr", "http"]}', 2, "last words"),
        (b'{"state": "/s", "names": []}', 0, "last words"),
    ],
)
def test_what_is_no_such_message_is_refused(
    ends: Ends, message: bytes, count: int, why: str
) -> None:
    """With the one wire error, and no descriptor stays open."""
    ours, theirs = ends
    gc.collect()  # what other tests left is not closed in the middle of this one
    before = len(list(Path("/proc/self/fd").iterdir()))
    if count:
        socket.send_fds(ours, [message], [ours.fileno()] * count)
    else:
        ours.sendall(message)
        ours.shutdown(socket.SHUT_WR)
    with pytest.raises(WireError, match=why):
        fetch(theirs)

    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_more_than_fits_is_not_sent(ends: Ends) -> None:
    """Rather than cut off."""
    ours, _ = ends
    many = {f"socket-{number}": ours.fileno() for number in range(300)}
    with pytest.raises(OSError, match="301 sockets do not go into one message"):
        pass_on(ours, Path("/state"), many, ours.fileno())
