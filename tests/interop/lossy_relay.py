"""A UDP relay in user space that drops packets: `sch_netem` may be missing."""

from __future__ import annotations

import random
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

Address = tuple[str, int]


class LossyRelay:
    """Relays between one client and a TFTP server, whose replies may come from another port."""

    def __init__(self, server: Address, *, loss: float, seed: int) -> None:
        self._server = server
        self._loss = loss
        self._random = random.Random(seed)
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._front.bind(("127.0.0.1", 0))
        self._back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._back.bind(("127.0.0.1", 0))
        self._stop = Event()
        self.port: int = self._front.getsockname()[1]
        self.dropped = 0

    def run(self) -> None:
        """Relay until stopped."""
        client: Address | None = None
        server = self._server
        while not self._stop.is_set():
            readable, _, _ = select.select([self._front, self._back], [], [], 0.05)
            for sock in readable:
                raw, peer = sock.recvfrom(70_000)
                if sock is self._front:
                    if peer != client:  # a new transfer begins at the well-known port
                        client, server = peer, self._server
                    target, out = server, self._back
                elif client is not None:
                    server = peer
                    target, out = client, self._front
                else:
                    continue
                if self._random.random() < self._loss:
                    self.dropped += 1
                else:
                    out.sendto(raw, target)

    def close(self) -> None:
        """Stop relaying."""
        self._stop.set()

    def free(self) -> None:
        """Close the sockets."""
        self._front.close()
        self._back.close()


@contextmanager
def lossy(server: Address, *, loss: float = 0.1, seed: int = 7) -> Iterator[LossyRelay]:
    """Relay on a thread for the time of the block."""
    relay = LossyRelay(server, loss=loss, seed=seed)
    thread = Thread(target=relay.run)
    thread.start()
    try:
        yield relay
    finally:
        relay.close()
        thread.join()
        relay.free()
