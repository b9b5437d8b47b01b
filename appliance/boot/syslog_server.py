"""Lines from iPXE and installers, kept per machine: often the only word of a failed installer."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address

from appliance.boot.loop import Loop
from appliance.boot.state import BootState
from appliance.boot.throttle import Throttle
from appliance.tools.clock import Clock
from appliance.wire import syslog

LINES_A_MINUTE = 600
_BATCH = 256


class SyslogService:
    """Listens on a bound UDP socket. Runs on the loop's thread."""

    def __init__(self, sock: socket.socket, *, loop: Loop, state: BootState, clock: Clock) -> None:
        self._sock = sock
        self._loop = loop
        self._state = state
        self._throttle = Throttle(clock.monotonic, lines=LINES_A_MINUTE)
        sock.setblocking(False)
        loop.watch(sock, self.on_readable)

    def on_readable(self) -> None:
        """Keep what waits."""
        for _ in range(_BATCH):
            try:
                raw, peer = self._sock.recvfrom(syslog.LIMIT + 1)
            except BlockingIOError:
                return
            except OSError:
                continue
            if self._throttle.allows(peer[0]):
                self._keep(raw, peer[0])

    def close(self) -> None:
        """Stop listening."""
        self._loop.forget(self._sock)

    def _keep(self, raw: bytes, address: str) -> None:
        line = syslog.parse(raw)
        owner = self._state.owner_of(IPv4Address(address))
        self._state.say(
            "syslog",
            f"{line.tag}: {line.text}" if line.tag else line.text,
            machine=owner.name if owner else None,
            data=(
                ("address", address),
                ("severity", "" if line.severity is None else str(line.severity)),
            ),
        )
