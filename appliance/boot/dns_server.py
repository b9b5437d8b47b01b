"""DNS for the site's zone over UDP and TCP; wire.dns answers, this file owns the sockets.

A name outside the zone is refused and is a finding: in an air gap, somebody expects the Internet.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address

from appliance.boot.loop import Loop, Timer
from appliance.boot.model import Witness
from appliance.boot.throttle import Throttle
from appliance.tools.clock import Clock
from appliance.wire import dns

MAX_CONNECTIONS = 32
IDLE_SECONDS = 5.0
_BATCH = 128
_LARGEST = 4096


@dataclass(slots=True, eq=False)
class Connection:
    """One TCP client with what it has sent of its next query."""

    sock: socket.socket
    address: str
    timer: Timer
    buffer: bytearray = field(default_factory=bytearray)


class DnsService:
    """Answers on a bound UDP socket and a listening TCP socket. Runs on the loop's thread.

    `zone` gives the zone as it is at the moment of each query.
    """

    def __init__(
        self,
        udp: socket.socket | None,
        tcp: socket.socket | None,
        *,
        loop: Loop,
        state: Witness,
        clock: Clock,
        zone: Callable[[], dns.Zone],
    ) -> None:
        self._udp = udp
        self._tcp = tcp
        self._loop = loop
        self._state = state
        self._throttle = Throttle(clock.monotonic)
        self._connections: set[Connection] = set()
        self._zone = zone
        if udp is not None:
            udp.setblocking(False)
            loop.watch(udp, self.on_readable)
        if tcp is not None:
            tcp.setblocking(False)
            loop.watch(tcp, self.on_connection)

    @property
    def connections(self) -> int:
        """How many TCP clients are connected."""
        return len(self._connections)

    def on_readable(self) -> None:
        """Answer what waits on UDP."""
        assert self._udp is not None  # noqa: S101 - only watched if there
        for _ in range(_BATCH):
            try:
                raw, peer = self._udp.recvfrom(_LARGEST)
            except BlockingIOError:
                return
            except OSError:
                continue
            reply = self._answer(raw, peer[0], udp=True)
            if reply is not None:
                try:
                    self._udp.sendto(reply, peer)
                except OSError:
                    continue  # a lost packet; the resolver asks again

    def on_connection(self) -> None:
        """Take new TCP clients; the one too many is closed at once."""
        assert self._tcp is not None  # noqa: S101 - only watched if there
        while True:
            try:
                sock, peer = self._tcp.accept()
            except OSError:
                return
            if len(self._connections) >= MAX_CONNECTIONS:
                sock.close()
                continue
            sock.setblocking(False)
            connection = Connection(sock, peer[0], self._loop.after(IDLE_SECONDS, _nothing))
            self._connections.add(connection)
            self._restart_timer(connection)
            self._loop.watch(sock, lambda one=connection: self._on_stream(one))  # type: ignore[misc]

    def close(self) -> None:
        """Close every connection."""
        for connection in list(self._connections):
            self._drop(connection)
        for sock in (self._udp, self._tcp):
            if sock is not None:
                self._loop.forget(sock)

    def _on_stream(self, connection: Connection) -> None:
        try:
            chunk = connection.sock.recv(_LARGEST)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            self._drop(connection)
            return
        connection.buffer += chunk
        while len(connection.buffer) >= 2:
            (length,) = struct.unpack_from("!H", connection.buffer)
            if len(connection.buffer) < 2 + length:
                return
            query = bytes(connection.buffer[2 : 2 + length])
            del connection.buffer[: 2 + length]
            if not self._reply_stream(connection, query):
                return

    def _reply_stream(self, connection: Connection, query: bytes) -> bool:
        # Only a whole query buys time: an octet now and then would hold the connection for ever.
        self._restart_timer(connection)
        reply = self._answer(query, connection.address, udp=False)
        if reply is None:
            self._drop(connection)
            return False
        whole = struct.pack("!H", len(reply)) + reply
        try:
            sent = connection.sock.send(whole)
        except OSError:
            sent = 0
        if sent < len(whole):  # it asks without reading
            self._drop(connection)
            return False
        return True

    def _answer(self, raw: bytes, address: str, *, udp: bool) -> bytes | None:
        answer = dns.answer(raw, self._zone(), udp_limit=dns.UDP_LIMIT if udp else None)
        if answer.log and self._throttle.allows((address, answer.qname)):
            owner = self._state.owner_of(IPv4Address(address))
            self._state.say(
                "finding" if answer.rcode == "REFUSED" else "dns",
                f"{owner.name if owner else address}: {answer.log}",
                machine=owner.name if owner else None,
                data=(("name", answer.qname), ("type", answer.qtype), ("address", address)),
            )
        return answer.reply

    def _restart_timer(self, connection: Connection) -> None:
        connection.timer.cancel()
        connection.timer = self._loop.after(IDLE_SECONDS, lambda: self._drop(connection))

    def _drop(self, connection: Connection) -> None:
        if connection in self._connections:
            self._connections.discard(connection)
            connection.timer.cancel()
            self._loop.forget(connection.sock)
            connection.sock.close()


def _nothing() -> None:
    """Stand in until the idle timer is set."""
