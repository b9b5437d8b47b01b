"""One end of the control channel: a socket, a thread that writes, and lines that are read.

Sending never waits: no answer to a booting machine may depend on how fast main reads
(siderolabs/omni-infra-provider-bare-metal dc42fb6).
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from queue import Full, Queue
from threading import Thread

from appliance.boot.control import (
    ControlMessage,
    Event,
    Lines,
    decode,
    encode,
)

_QUEUE = 20_000
_READ = 64 * 1024


class Channel:
    """Sends and receives control messages over one connected stream socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._sock.setblocking(True)
        self._out: Queue[ControlMessage | None] = Queue(_QUEUE)
        self._writer = Thread(target=self._write, name="control", daemon=True)
        self._writer.start()
        self.dropped = 0

    def send(self, message: ControlMessage) -> None:
        """Queue a message. When the other side does not read, plain events are dropped first."""
        try:
            self._out.put_nowait(message)
        except Full:
            if isinstance(message, Event) and message.event.kind != "evidence":
                self.dropped += 1
                return
            # Evidence is in boot.db, and whole records follow: the oldest line may go.
            self._out.get_nowait()
            self.dropped += 1
            self.send(message)

    def receive(self) -> Iterator[ControlMessage]:
        """Give messages until the other side closes. Raises WireError for what is not one."""
        lines = Lines()
        while chunk := self._read():
            for line in lines.feed(chunk):
                yield decode(line)

    def close(self) -> None:
        """Send what is queued, as far as the other side still reads, and close."""
        with contextlib.suppress(Full):  # full: the other side does not read anyhow
            self._out.put_nowait(None)
            self._writer.join(timeout=2)
        with contextlib.suppress(OSError):  # the other side was first
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _read(self) -> bytes:
        try:
            return self._sock.recv(_READ)
        except OSError:
            return b""  # reset is an end, too

    def _write(self) -> None:
        while (message := self._out.get()) is not None:
            try:
                self._sock.sendall(encode(message))
            except OSError:
                return  # the reading side sees the end and decides
