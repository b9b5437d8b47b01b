"""NTP from the laptop's clock: with its source's quality when it is kept, else as a local clock.

Machines without a battery-backed clock refuse certificates "from the future"; a steady common time
matters more to a cluster than the true one, so an unkept clock answers too (stratum 10, LOCL).
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from appliance.boot.loop import Loop
from appliance.boot.model import Witness
from appliance.boot.throttle import Throttle
from appliance.errors import WireError
from appliance.tools.clock import Clock
from appliance.wire import ntp

_BATCH = 128
_LARGEST = 1024
_RECHECK_SECONDS = 64.0
_KEPT_STRATUM = 4
"""What a clock kept by a service is announced as: the service's own stratum is not readable from
adjtimex(2), and 4 is worse than any usual source, so that a site's own server is preferred."""


class NtpService:
    """Answers on a bound UDP socket. `synchronised` asks whether this machine's clock is kept."""

    def __init__(
        self,
        sock: socket.socket,
        *,
        loop: Loop,
        state: Witness,
        clock: Clock,
        synchronised: Callable[[], bool],
    ) -> None:
        self._sock = sock
        self._loop = loop
        self._state = state
        self._clock = clock
        self._synchronised = synchronised
        self._throttle = Throttle(clock.monotonic)
        self._greeted: set[str] = set()
        self._quality = self._look()
        sock.setblocking(False)
        loop.watch(sock, self.on_readable)
        loop.every(_RECHECK_SECONDS, self._look_again)

    def on_readable(self) -> None:
        """Answer what waits."""
        for _ in range(_BATCH):
            try:
                raw, peer = self._sock.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            except OSError:
                continue
            self._answer(raw, peer)

    def close(self) -> None:
        """Stop answering."""
        self._loop.forget(self._sock)

    def _answer(self, raw: bytes, peer: tuple[str, int]) -> None:
        received = self._clock.utc()
        try:
            reply = ntp.reply(
                raw, received=received, transmit=self._clock.utc(), clock=self._quality
            )
        except WireError as error:
            if self._throttle.allows(peer[0]):
                self._state.say("ntp", f"{peer[0]} sent what is not NTP: {error.what}")
            return
        if reply is None:
            return
        try:
            self._sock.sendto(reply, peer)
        except OSError:
            return  # a lost packet; the client asks again
        if peer[0] not in self._greeted and len(self._greeted) < 1024:
            self._greeted.add(peer[0])
            self._state.say("ntp", f"{peer[0]} takes its time from here")

    def _look(self) -> ntp.ClockQuality:
        now = self._clock.utc()
        if self._synchronised():
            return ntp.ClockQuality(
                stratum=_KEPT_STRATUM, reference_id=b"\x7f\x00\x00\x01", reference_time=now
            )
        return ntp.ClockQuality(reference_time=now)

    def _look_again(self) -> None:
        self._quality = self._look()
