"""The HTTP server on loopback: keep-alive, limits, dawdlers, and files that fill no memory."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.boot import http_server
from appliance.boot.http_app import make_app
from appliance.boot.http_server import PER_CLIENT, BootHttpServer
from appliance.boot.model import ServedFile
from appliance.machines.state import Seen
from tests.unit.boot.boot_world import HV1, HV1_ADDRESS, HandClock, World
from tests.unit.boot.running_loop import PATIENCE, tcp, until

GIBIBYTE = 1 << 30
HV1_IP = "127.0.0.11"


class Running:
    """A server on a free port, and a clock in hand for its limits."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.time = HandClock()
        self.log: list[str] = []
        listening = tcp()
        self.port: int = listening.getsockname()[1]
        self.server = BootHttpServer(
            listening,
            make_app(world.state, world.stage1, port=self.port),
            monotonic=self.time.clock().monotonic,
            log=self.log.append,
            threads=24,
        )
        self.server.start_threads()

    def connect(self, address: str = HV1_IP) -> socket.socket:
        """Open a connection from an address."""
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE, (address, 0))

    def client(self, address: str = HV1_IP) -> http.client.HTTPConnection:
        """Make a client that keeps its connection."""
        return http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=PATIENCE, source_address=(address, 0)
        )

    def healthy(self, address: str = "127.0.0.99") -> bool:
        """Ask from another address."""
        with self.connect(address) as stream:
            stream.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            with stream.makefile("rb") as reply:
                return reply.read().endswith(b"ok\n")


@pytest.fixture
def running(world: World) -> Iterator[Running]:
    """The server, stopped at the end."""
    running = Running(world)
    yield running
    running.server.stop()
    until(lambda: running.server.socket is None)


def test_one_connection_serves_many_requests(running: Running) -> None:
    """Each with its length, none chunked, and no word of the server's version."""
    running.world.serve("file", b"0123456789")
    client = running.client()
    for _ in range(5):
        for path, body in (("/healthz", b"ok\n"), ("/a/file", b"0123456789")):
            client.request("GET", path)
            reply = client.getresponse()
            assert reply.read() == body
            assert reply.headers["Content-Length"] == str(len(body))
            assert "Transfer-Encoding" not in reply.headers
            assert reply.headers["Server"] == "bridgehead"
    client.request("HEAD", "/a/file")
    assert client.getresponse().headers["Content-Length"] == "10"
    client.close()


def test_refusals_leave_the_connection_usable(running: Running) -> None:
    """A 404 with its reason, then a 200."""
    client = running.client()
    client.request("GET", "/a/nothing")
    reply = client.getresponse()
    assert reply.status == 404
    assert b"no file" in reply.read()
    client.request("GET", "/healthz")
    assert client.getresponse().read() == b"ok\n"
    client.close()


def test_small_answers_wait_for_no_acknowledgement(running: Running) -> None:
    """Without TCP_NODELAY each script cost 43 ms: Nagle against the client's delayed ACK."""
    listening = running.server.socket
    assert listening is not None

    assert listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def sparse(world: World, size: int, proves: Seen | None = None) -> ServedFile:
    """Put a large file of zeros into the depot."""
    world.serve("big.iso", b"", proves)
    (file,) = world.files
    with Path(file.path).open("r+b") as stream:
        stream.truncate(size)
    grown = ServedFile(file.name, file.path, size, file.digest, proves)
    world.files = (grown,)
    world.state.configure(world.state.network, world.files)
    return grown


def resident() -> int:
    """Give this process' resident memory in octets."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


def drain(reply: http.client.HTTPResponse, watch: Callable[[], None]) -> int:
    """Read a body without keeping it."""
    buffer = bytearray(1 << 20)
    total = 0
    while count := reply.readinto(buffer):
        total += count
        if total % (64 << 20) < count:
            watch()
    return total


def test_a_gibibyte_fills_no_memory(running: Running) -> None:
    """The kernel sends it: our memory grows by next to nothing, and its last octet is evidence."""
    sparse(running.world, GIBIBYTE, Seen.IMAGE_SENT)
    client = running.client()
    client.request("GET", "/healthz")
    client.getresponse().read()
    before = resident()
    highest: list[int] = [before]
    client.request("GET", "/a/big.iso")
    total = drain(client.getresponse(), lambda: highest.append(resident()))
    client.close()

    assert total == GIBIBYTE
    assert max(highest) - before < 16 << 20
    until(lambda: Seen.IMAGE_SENT in running.world.seen())


def test_a_transfer_that_breaks_off_proves_nothing(running: Running) -> None:
    """And the next request is served."""
    sparse(running.world, GIBIBYTE, Seen.IMAGE_SENT)
    with running.connect() as stream:
        stream.sendall(b"GET /a/big.iso HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stream.recv(1000).startswith(b"HTTP/1.1 200")
    until(lambda: any("broke off" in event.text for event in running.world.events("http")))

    assert Seen.IMAGE_SENT not in running.world.seen()
    assert running.healthy()


def test_one_client_cannot_hold_every_thread(running: Running) -> None:
    """It has its share; another is served at once."""
    held = [running.connect() for _ in range(PER_CLIENT + 6)]
    for stream in held:
        stream.sendall(b"GET / HT")
    until(lambda: sum(running.server._per_client.values()) >= PER_CLIENT)

    assert running.healthy()
    for stream in held:
        stream.close()


def test_a_request_that_drips_in_is_ended(running: Running) -> None:
    """cheroot's own limit starts anew with every octet; ours counts the whole request."""
    with running.connect() as slow:
        slow.sendall(b"GET /healthz HT")
        until(lambda: len(running.server._active) == 1)
        assert running.server.end_dawdlers() == 0
        running.time.pass_time(http_server.REQUEST_SECONDS + 1)
        slow.sendall(b"T")
        assert running.server.end_dawdlers() == 1
        assert slow.recv(1000) == b""
    assert running.healthy()


def test_a_long_transfer_is_no_dawdler(running: Running) -> None:
    """Once its request is read, a client may take its time."""
    sparse(running.world, GIBIBYTE)
    with running.connect() as stream:
        stream.sendall(b"GET /a/big.iso HTTP/1.0\r\n\r\n")
        assert stream.recv(10) == b"HTTP/1.1 2"
        running.time.pass_time(3600)
        assert running.server.end_dawdlers() == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n",
        b"\x00\xff\x00\xff\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"b" * 100_000 + b"\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\n\r\n",
        b"POST /hook/t/started HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /hook/t/started HTTP/1.1\r\nContent-Length: 1_0\r\n\r\n0123456789",
        b"POST /hook/t/started HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n",
        b"POST /hook/t/started HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /a/%ff%fe HTTP/1.1\r\nRange: bytes=\xff-\r\nHost: \xff\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\n\r\n",
    ],
)
def test_hostile_requests_do_not_stop_it(running: Running, raw: bytes) -> None:
    """Whatever it answers, it is no success, and the next client is served."""
    reply = b""
    with running.connect() as stream, contextlib.suppress(OSError):  # it may hang up early
        stream.sendall(raw)
        stream.shutdown(socket.SHUT_WR)
        reply = stream.recv(4096)
    assert not reply.startswith(b"HTTP/1.1 2")
    assert running.healthy()


def test_a_negative_length_is_no_endless_body(running: Running) -> None:
    """cheroot took it for "until the connection ends", and read that into memory."""
    token = running.world.state.install_boot(HV1, HV1_ADDRESS)
    assert token is not None
    with running.connect() as stream:
        stream.sendall(b"POST /hook/token-0/started HTTP/1.1\r\nContent-Length: -1\r\n\r\n")
        with stream.makefile("rb") as reply:
            assert reply.read().startswith(b"HTTP/1.1 400")
    assert running.world.seen() == [Seen.INSTALL_SCRIPT]
    assert running.healthy()
