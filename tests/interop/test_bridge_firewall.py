"""The laptop's firewall, loaded into a namespace: real packets, real sockets."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Interface
from pathlib import Path

import pytest
from jinja2 import Environment, StrictUndefined

from appliance.boot.sockets import SERVICE_PORTS
from tests.namespaces import Pair, inside, ip, veth_pair

TEMPLATE = Path(__file__).resolve().parents[2] / "playbooks/roles/bridge/templates/firewall.nft.j2"
SERVER, CLIENT = "10.77.0.1", "10.77.0.2"
SERVICES = frozenset((each.protocol, each.port) for each in SERVICE_PORTS)
OTHERS = frozenset({("tcp", 22), ("udp", 5353), ("tcp", 8080), ("udp", 68), ("tcp", 69)})
SILENCE = 1.0
"""Seconds after which a packet on a veth is taken as dropped."""

pytestmark = pytest.mark.root


@pytest.fixture
def pair() -> Iterator[Pair]:
    """The laptop's interface and a machine's."""
    with veth_pair(IPv4Interface(f"{SERVER}/24")) as made:
        ip("-n", made.client, "address", "add", f"{CLIENT}/24", "dev", made.client_interface)
        yield made


def load(pair: Pair, interface: str) -> None:
    """Load the firewall of an interface, as its unit does."""
    ports = [
        {"port": each.port, "protocol": each.protocol, "purpose": each.purpose}
        for each in SERVICE_PORTS
    ]
    template = Environment(undefined=StrictUndefined, trim_blocks=True, autoescape=False)
    text = template.from_string(TEMPLATE.read_text()).render(
        bridge_interface=interface, bridge_ports=ports
    )
    nft(pair, "-f", "-", text_in=text)


def nft(pair: Pair, *words: str, text_in: str = "") -> str:
    """Run nft on the laptop."""
    done = subprocess.run(
        ["ip", "netns", "exec", pair.server, "nft", *words],
        input=text_in,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def opened(protocol: str, port: int, address: str = "") -> socket.socket:
    """Open a socket that hears, in the namespace of the thread."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    sock = socket.socket(socket.AF_INET, kind)
    sock.settimeout(SILENCE)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    if protocol == "tcp":
        sock.listen(1)
    return sock


@contextmanager
def listening(pair: Pair) -> Iterator[dict[tuple[str, int], socket.socket]]:
    """Have something listen on every port that is asked about."""
    with ExitStack() as stack:
        yield {
            each: stack.enter_context(inside(pair.server, lambda each=each: opened(*each)))  # type: ignore[misc]
            for each in sorted(SERVICES | OTHERS)
        }


def reached(pair: Pair, there: dict[tuple[str, int], socket.socket]) -> set[tuple[str, int]]:
    """Say which of them hear the machine."""
    with ExitStack() as stack:
        for protocol, port in there:
            kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
            sock = inside(pair.client, lambda kind=kind: socket.socket(socket.AF_INET, kind))  # type: ignore[misc]
            stack.enter_context(sock).setblocking(False)
            sock.connect_ex((SERVER, port))
            if protocol == "udp":
                sock.send(b"hello")
        return {each for each, sock in there.items() if hears(sock)}


def hears(sock: socket.socket) -> bool:
    """Say whether a packet or a connection comes."""
    try:
        if sock.type == socket.SOCK_DGRAM:
            return sock.recv(99) == b"hello"
        sock.accept()[0].close()
    except TimeoutError:
        return False
    return True


def test_the_services_are_open_and_nothing_else(pair: Pair) -> None:
    """It is the table that says so: without it all are reached."""
    with listening(pair) as there:
        assert reached(pair, there) == SERVICES | OTHERS
        load(pair, pair.server_interface)
        assert reached(pair, there) == SERVICES


def test_another_interface_is_not_touched(pair: Pair) -> None:
    """The firewall is about the one that it names."""
    load(pair, "elsewhere0")
    with listening(pair) as there:
        assert reached(pair, there) == SERVICES | OTHERS


def test_a_tftp_transfer_comes_back_to_a_port_of_its_own(pair: Pair) -> None:
    """The laptop sends first from it, so that the machine's answers belong to it (RFC 1350, 4)."""
    load(pair, pair.server_interface)
    own = inside(pair.server, lambda: opened("udp", 0, SERVER))
    machine = inside(pair.client, lambda: opened("udp", 0, CLIENT))
    with own, machine:
        machine.sendto(b"hello", own.getsockname())
        assert not hears(own)
        own.sendto(b"data 1", machine.getsockname())
        assert machine.recv(99) == b"data 1"
        machine.sendto(b"hello", own.getsockname())
        assert hears(own)


def test_ping_is_answered(pair: Pair) -> None:
    """It is how people look whether a cable is in."""
    load(pair, pair.server_interface)
    words = ("ip", "netns", "exec", pair.client, "ping", "-c", "1", "-W", "2", SERVER)

    assert subprocess.run(words, check=False, capture_output=True).returncode == 0


def test_loading_it_again_leaves_one_table_and_others_as_they_were(pair: Pair) -> None:
    """The laptop's own rules are not ours to change."""
    nft(pair, "add", "table", "inet", "own")
    nft(pair, "add", "chain", "inet", "own", "guard")
    before = nft(pair, "list", "table", "inet", "own")
    load(pair, pair.server_interface)
    once = nft(pair, "list", "ruleset")
    load(pair, pair.server_interface)

    assert nft(pair, "list", "ruleset") == once
    assert once.count("table inet bridgehead") == 1
    assert nft(pair, "list", "table", "inet", "own") == before
