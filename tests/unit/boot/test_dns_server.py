"""The DNS service's sockets; what it answers is wire.dns's."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace

import dns.message
import dns.query
import dns.rcode
import pytest

from appliance.boot import dns_server
from appliance.boot.dns_server import MAX_CONNECTIONS, DnsService
from appliance.boot.zone import CurrentZone
from tests.unit.boot.boot_world import World
from tests.unit.boot.running_loop import CLOCK, PATIENCE, running, tcp, udp, until

HV1_IP = "127.0.0.11"


@dataclass
class Service:
    """A running service and where it listens."""

    service: DnsService
    world: World
    udp_port: int
    tcp_port: int

    def ask(self, name: str, kind: str = "A", *, stream: bool = False) -> dns.message.Message:
        """Ask with dnspython, from hv1's address."""
        query = dns.message.make_query(name, kind)
        if stream:
            return dns.query.tcp(query, "127.0.0.1", PATIENCE, self.tcp_port, source=HV1_IP)
        return dns.query.udp(query, "127.0.0.1", PATIENCE, self.udp_port, source=HV1_IP)

    def connect(self) -> socket.socket:
        """Open a TCP connection."""
        return socket.create_connection(("127.0.0.1", self.tcp_port), PATIENCE)


@pytest.fixture
def service(world: World) -> Iterator[Service]:
    """The service on free ports."""
    datagrams, streams = udp(), tcp()
    made: list[DnsService] = []
    with running(
        lambda loop: made.append(
            DnsService(
                datagrams,
                streams,
                loop=loop,
                state=world.state,
                clock=CLOCK,
                zone=CurrentZone(lambda: world.state.network),
            )
        )
    ):
        yield Service(made[0], world, datagrams.getsockname()[1], streams.getsockname()[1])
    made[0].close()
    datagrams.close()
    streams.close()


@pytest.mark.parametrize("stream", [False, True], ids=["UDP", "TCP"])
def test_the_zone_is_answered_both_ways(service: Service, stream: bool) -> None:  # noqa: FBT001
    """Forward, reverse, and the laptop's own name."""
    assert str(service.ask("hv1.alpha.lan", stream=stream).answer[0][0]) == HV1_IP
    assert str(service.ask("bridge.alpha.lan", stream=stream).answer[0][0]) == "127.0.0.1"
    reverse = service.ask("11.0.0.127.in-addr.arpa", "PTR", stream=stream)
    assert str(reverse.answer[0][0]) == "hv1.alpha.lan."


def test_a_name_outside_is_refused_and_found(service: Service) -> None:
    """In an air gap somebody expects the Internet: the machine and the name are told, once each."""
    for _ in range(50):
        assert service.ask("registry.example").rcode() == dns.rcode.REFUSED

    until(lambda: bool(service.world.events("finding")))
    findings = service.world.events("finding")
    assert "registry.example" in findings[0].text
    assert findings[0].machine == "hv1"
    assert len(findings) <= 20


def test_a_changed_network_is_answered_from_then_on(service: Service) -> None:
    """Main sends the network again when a name was added."""
    network = service.world.state.network
    assert service.ask("new.alpha.lan").rcode() == dns.rcode.NXDOMAIN
    changed = replace(network, hosts=(*network.hosts, ("new", network.bridge)))
    service.world.state.configure(changed, ())

    assert str(service.ask("new.alpha.lan").answer[0][0]) == "127.0.0.1"


@pytest.mark.parametrize("raw", [b"", b"\0", b"\xff" * 600, b"\0" * 12, b"\xc0\x0c" * 300])
def test_garbage_does_not_stop_it(service: Service, raw: bytes) -> None:
    """On UDP and on TCP."""
    with udp() as sock:
        sock.sendto(raw, ("127.0.0.1", service.udp_port))
    with service.connect() as stream:
        stream.sendall(struct.pack("!H", len(raw)) + raw)
        with contextlib.suppress(ConnectionError):
            stream.recv(1000)

    assert service.ask("hv1.alpha.lan").answer


def test_queries_on_one_connection_may_come_in_any_cut(service: Service) -> None:
    """Two at once, and one octet after the other."""
    query = dns.message.make_query("hv1.alpha.lan", "A").to_wire()
    framed = struct.pack("!H", len(query)) + query
    with service.connect() as stream, stream.makefile("rb") as replies:
        stream.sendall(framed + framed)
        for octet in framed:
            stream.sendall(bytes([octet]))
        for _ in range(3):
            (length,) = struct.unpack("!H", replies.read(2))
            assert dns.message.from_wire(replies.read(length)).answer


def test_connections_are_limited(service: Service) -> None:
    """The one too many is closed at once; those before it are still served."""
    streams = [service.connect() for _ in range(MAX_CONNECTIONS)]
    until(lambda: service.service.connections == MAX_CONNECTIONS)
    extra = service.connect()
    assert extra.recv(1) == b""
    streams.pop().close()
    until(lambda: service.service.connections == MAX_CONNECTIONS - 1)

    assert service.ask("hv1.alpha.lan", stream=True).answer
    for stream in (*streams, extra):
        stream.close()


def test_an_idle_connection_is_closed(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """200 idle clients held 200 threads of dnslib's own server. A half query is idle, too."""
    monkeypatch.setattr(dns_server, "IDLE_SECONDS", 0.05)
    with service.connect() as stream:
        stream.sendall(b"\0")
        assert stream.recv(1) == b""
    assert service.service.connections == 0
