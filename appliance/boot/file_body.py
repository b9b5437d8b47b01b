"""The body of a file's HTTP response: a part of an open file, sent by the kernel.

The server under the app calls `send_to` and the bytes never enter this process; where there is no
socket (Flask's test client) it is iterated over in small parts.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable, Iterator

READ_PART = 256 * 1024
SEND_PART = 8 * 1024 * 1024


class FileBody:
    """Sends `length` octets from `offset` of an open file, and closes it.

    `on_progress` is called with the octets handed over so far, `on_close` once, at the end, with
    whether the last one was.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        offset: int,
        length: int,
        on_progress: Callable[[int], None],
        on_close: Callable[[int], None],
    ) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self._length = length
        self._on_progress = on_progress
        self._on_close = on_close
        self._sent = 0
        self._closed = False

    def send_to(self, sock: socket.socket, *, stall_seconds: float) -> None:
        """Send all of it. Raises OSError if the client is gone or takes nothing for so long.

        A blocking socket with a kernel time limit: sendfile then sleeps in the kernel instead of
        coming back for every part that a socket buffer holds.
        """
        limit = struct.pack("@ll", int(stall_seconds), int(stall_seconds % 1 * 1_000_000))
        before = sock.gettimeout()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        sock.setblocking(True)
        try:
            while self._sent < self._length:
                part = min(self._length - self._sent, SEND_PART)
                done = os.sendfile(sock.fileno(), self._descriptor, self._offset + self._sent, part)
                self._took(done)
        except BlockingIOError:
            raise TimeoutError(f"the client took nothing for {stall_seconds:g} s") from None
        finally:
            sock.settimeout(before)

    def __iter__(self) -> Iterator[bytes]:
        while self._sent < self._length:
            part = min(self._length - self._sent, READ_PART)
            chunk = os.pread(self._descriptor, part, self._offset + self._sent)
            self._took(len(chunk))
            yield chunk

    def close(self) -> None:
        """Close the file and tell how far it came."""
        if not self._closed:
            self._closed = True
            os.close(self._descriptor)
            self._on_close(self._sent)

    def _took(self, count: int) -> None:
        if count == 0:
            raise OSError("the file became shorter while it was sent")
        self._sent += count
        self._on_progress(self._sent)
