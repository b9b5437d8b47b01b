"""The sockets of the boot services: bound to one interface, and refusals that say what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface

import pytest

from appliance.boot import sockets
from appliance.errors import PortInUseError, PreflightError
from tests.namespaces import Pair, inside, ip, veth_pair

BRIDGE = IPv4Address("10.99.7.1")


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two namespaces joined by a cable; the server's end has the bridge's address."""
    with veth_pair(IPv4Interface("10.99.7.1/24")) as made:
        yield made


def test_unknown_interface_is_refused_with_the_known_ones() -> None:
    """A misspelt interface is named, and no socket is needed to find out."""
    with pytest.raises(PreflightError) as caught:
        sockets.open_sockets("no-such-if", BRIDGE)
    assert caught.value.where == "no-such-if"
    assert "plug" in caught.value.fix


def test_addresses_of_an_interface() -> None:
    """The loopback has its well-known address; a name that does not exist has none."""
    assert IPv4Address("127.0.0.1") in sockets.addresses_of("lo")
    assert sockets.addresses_of("no-such-if") == ()


def test_missing_address_is_refused_with_the_command_that_adds_it() -> None:
    """The interface is there but without the bridge's address."""
    with pytest.raises(PreflightError) as caught:
        sockets.check_interface("lo", IPv4Address("192.0.2.77"))
    assert "127.0.0.1" in caught.value.why
    assert "ip address add 192.0.2.77" in caught.value.fix


@pytest.mark.root
def test_all_sockets_open_on_the_interface(pair: Pair) -> None:
    """Every name is there, non-blocking, bound to the device, TCP ones listening."""
    opened = inside(pair.server, lambda: sockets.open_sockets(pair.server_interface, BRIDGE))
    try:
        assert set(opened) == set(sockets.SOCKET_NAMES)
        for name, each in opened.items():
            assert not each.getblocking()
            if name == "packet":
                assert each.getsockname()[0] == pair.server_interface
                continue
            device = each.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
            assert device.rstrip(b"\0").decode() == pair.server_interface
        assert opened["dhcp"].getsockname() == ("0.0.0.0", 67)
        assert opened["http"].getsockname() == (str(BRIDGE), 80)
        assert opened["http"].getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
    finally:
        for each in opened.values():
            each.close()


@pytest.mark.root
def test_second_address_of_the_interface_counts(pair: Pair) -> None:
    """An interface may carry several addresses; any of them can be the bridge's."""
    ip("-n", pair.server, "address", "add", "10.99.8.1/24", "dev", pair.server_interface)
    found = inside(pair.server, lambda: sockets.addresses_of(pair.server_interface))
    assert found == (BRIDGE, IPv4Address("10.99.8.1"))


@pytest.mark.root
@pytest.mark.parametrize(("name", "kind"), [("dhcp", "udp"), ("tftp", "udp"), ("http", "tcp")])
def test_port_in_use_names_port_and_program(pair: Pair, name: str, kind: str) -> None:
    """Who holds the port is said, with its pid; what was opened before is closed again."""
    service = next(each for each in sockets.SERVICE_PORTS if each.name == name)

    def occupy() -> socket.socket:
        holder = socket.socket(
            socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM
        )
        holder.bind(("0.0.0.0", service.port))
        if kind == "tcp":
            holder.listen()
        return holder

    with inside(pair.server, occupy), pytest.raises(PortInUseError) as caught:
        inside(pair.server, lambda: sockets.open_sockets(pair.server_interface, BRIDGE))
    assert f"{service.port}/{kind}" in caught.value.what
    assert "pid" in caught.value.what
    opened = inside(pair.server, lambda: sockets.open_sockets(pair.server_interface, BRIDGE))
    for each in opened.values():
        each.close()


@pytest.mark.root
def test_packet_socket_hears_only_arp_and_dhcp_servers(pair: Pair) -> None:
    """The filter in the kernel passes ARP and UDP from port 67, nothing else, and is locked."""
    ip("-n", pair.client, "address", "add", "10.99.7.2/24", "dev", pair.client_interface)
    tap = inside(pair.server, lambda: sockets.open_packet_socket(pair.server_interface))

    def send() -> None:
        for port, text in (
            (5000, b"\x02noise"),
            (67, b"\x01from a relay"),
            (67, b"\x02from a server"),
        ):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.bind(("10.99.7.2", port))
                sender.sendto(text, (str(BRIDGE), 9999))

    with tap:
        inside(pair.client, send)
        tap.setblocking(True)
        tap.settimeout(5)
        frames = [tap.recv(2048)]
        while not frames[-1].endswith(b"from a server"):
            frames.append(tap.recv(2048))
        assert all(frame[12:14] == b"\x08\x06" for frame in frames[:-1])
        assert len(frames) >= 2
        with pytest.raises(PermissionError):
            tap.setsockopt(socket.SOL_SOCKET, 27, 0)
