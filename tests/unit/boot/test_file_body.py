"""A part of a file on its way to a client."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from threading import Thread

import pytest

from appliance.boot.file_body import FileBody

CONTENT = bytes(range(256)) * 4096


class Watch:
    """Notes what a body tells."""

    def __init__(self) -> None:
        self.progress: list[int] = []
        self.closed: list[int] = []


def body(tmp_path: Path, watch: Watch, offset: int = 0, length: int = len(CONTENT)) -> FileBody:
    """Open the file as a body."""
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    return FileBody(
        os.open(path, os.O_RDONLY),
        offset=offset,
        length=length,
        on_progress=watch.progress.append,
        on_close=watch.closed.append,
    )


@pytest.mark.parametrize(("offset", "length"), [(0, len(CONTENT)), (1000, 5), (7, 0), (300, 9999)])
def test_the_kernel_sends_the_part_that_was_asked_for(
    tmp_path: Path, offset: int, length: int
) -> None:
    """Byte for byte, and the socket's own time limit is as before."""
    watch = Watch()
    ours, theirs = socket.socketpair()
    ours.settimeout(7)
    part = body(tmp_path, watch, offset, length)

    def send() -> None:
        part.send_to(ours, stall_seconds=5)
        part.close()
        assert ours.gettimeout() == 7
        ours.close()

    thread = Thread(target=send)
    thread.start()
    with theirs.makefile("rb") as stream:
        got = stream.read()
    thread.join()
    theirs.close()

    assert got == CONTENT[offset : offset + length]
    assert watch.closed == [length]


def test_iteration_gives_the_same(tmp_path: Path) -> None:
    """Where there is no socket, in small parts."""
    watch = Watch()
    part = body(tmp_path, watch, 10, 500_000)

    assert b"".join(part) == CONTENT[10:500_010]
    assert watch.progress[-1] == 500_000
    part.close()
    part.close()
    assert watch.closed == [500_000]


def test_a_client_that_takes_nothing_is_given_up(tmp_path: Path) -> None:
    """A dead installer does not hold a thread for ever; how far it came is told."""
    watch = Watch()
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    part = body(tmp_path, watch)

    with pytest.raises(TimeoutError):
        part.send_to(ours, stall_seconds=0.05)
    part.close()
    assert watch.closed[0] < len(CONTENT)
    ours.close()
    theirs.close()


def test_a_client_that_left_is_an_error_of_the_socket(tmp_path: Path) -> None:
    """And the file is closed with how far it came."""
    watch = Watch()
    ours, theirs = socket.socketpair()
    theirs.close()
    part = body(tmp_path, watch)

    with pytest.raises(OSError, match="pipe"):
        part.send_to(ours, stall_seconds=1)
    part.close()
    ours.close()
    assert watch.closed == [0]


def test_a_file_that_shrinks_under_us_is_found(tmp_path: Path) -> None:
    """The promised Content-Length cannot be kept: this must not hang."""
    watch = Watch()
    part = body(tmp_path, watch)
    os.truncate(tmp_path / "file", 100)

    with pytest.raises(OSError, match="shorter"):
        b"".join(part)
    part.close()
