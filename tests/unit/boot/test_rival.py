"""Other DHCP servers: found before we serve, by a real search on a real wire."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from appliance.boot.client import parse_client
from appliance.boot.rival import Rival, _discover, _frame, probe, rival_in
from appliance.errors import PreflightError, WireError
from appliance.values import Mac
from appliance.wire import pcap
from appliance.wire.dhcp4 import MessageType, decode, encode, reply_to
from appliance.wire.dhcp4_options import OptionCode, Options
from tests.namespaces import Pair, inside, veth_pair
from tests.unit.boot.dhcp_packets import request

SERVER, MAC = IPv4Address("10.20.0.254"), Mac("a0b0c0d0e0f0")


def frame_of(message: MessageType, *, sport: int = 67, yiaddr: str = "10.20.0.180") -> bytes:
    """Build a server's frame."""
    options = Options([(OptionCode.SERVER_ID, SERVER.packed)])
    reply = reply_to(
        request(MessageType.DISCOVER), message, options=options, yiaddr=IPv4Address(yiaddr)
    )
    everybody = IPv4Address("255.255.255.255")
    datagram = pcap.UdpDatagram(
        SERVER, sport, everybody, 68, encode(reply), MAC, Mac("ffffffffffff")
    )
    return pcap.udp_frame(datagram)


@pytest.mark.parametrize("message", [MessageType.OFFER, MessageType.ACK, MessageType.NAK])
def test_server_is_read_from_its_frame(message: MessageType) -> None:
    """Address, server id, hardware address and what it offered."""
    found = rival_in(frame_of(message))
    assert found is not None
    assert found[0] == Rival(SERVER, SERVER, MAC, IPv4Address("10.20.0.180"))
    assert str(MAC) in str(found[0])


def test_what_is_no_rival() -> None:
    """Our own word, another port, and a proxy told apart by what it offers."""
    assert rival_in(frame_of(MessageType.OFFER), own=SERVER) is None
    assert rival_in(frame_of(MessageType.OFFER, sport=6767)) is None
    found = rival_in(frame_of(MessageType.OFFER, yiaddr="0.0.0.0"))
    assert found is not None
    assert found[0].offered is None
    assert "boot files" in str(found[0])
    with pytest.raises(WireError):
        rival_in(frame_of(MessageType.OFFER)[:80])


def test_search_is_marked_as_ours() -> None:
    """Our own service knows the search by its user class; its address is locally administered."""
    for vendor in (b"", b"PXEClient"):
        frame = _frame(_discover(vendor), MAC)
        datagram = pcap.udp_of(pcap.Frame(0, frame))
        assert datagram is not None
        packet = decode(datagram.payload)
        client = parse_client(packet)
        assert client.is_our_probe
        assert client.mac.to_bytes()[0] == 2
        assert packet.broadcast
        assert client.is_booting == bool(vendor)


@contextmanager
def dnsmasq(pair: Pair, folder: Path, *options: str) -> Iterator[None]:
    """Run a real foreign DHCP server in the client's namespace."""
    command = ["ip", "netns", "exec", pair.client, "dnsmasq", "--keep-in-foreground", "--port=0"]
    files = [f"--dhcp-leasefile={folder}/leases", "--pid-file", "--conf-file=/dev/null"]
    running = subprocess.Popen([*command, *files, "--user=root", "--no-ping", *options])
    try:
        yield
    finally:
        running.terminate()
        running.wait(10)


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A cable with the searcher at one end."""
    with veth_pair(IPv4Interface("10.99.9.1/24")) as made:
        yield made


@pytest.mark.root
@pytest.mark.skipif(shutil.which("dnsmasq") is None, reason="needs dnsmasq as the other server")
@pytest.mark.parametrize(
    ("options", "offers"),
    [
        (["--dhcp-range=10.99.9.50,10.99.9.60,1h"], True),
        (["--dhcp-range=10.99.9.0,proxy", "--pxe-service=X86-64_EFI,boot,file"], False),
    ],
)
def test_real_server_is_found(
    pair: Pair, tmp_path: Path, options: list[str], *, offers: bool
) -> None:
    """The server gives addresses, or boot files only: either way it is found."""
    ip = ["ip", "-n", pair.client, "address", "add", "10.99.9.254/24"]
    subprocess.run([*ip, "dev", pair.client_interface], check=True)
    with dnsmasq(pair, tmp_path, *options):
        found = inside(pair.server, lambda: probe(pair.server_interface, 2.0))
    (rival,) = found
    assert rival.address == IPv4Address("10.99.9.254")
    assert (rival.offered is not None) == offers


@pytest.mark.root
def test_quiet_network_has_no_rival(pair: Pair) -> None:
    """Nobody answers: nothing is found."""
    assert inside(pair.server, lambda: probe(pair.server_interface, 0.2)) == ()


@pytest.mark.root
def test_an_interface_that_is_off_is_said(pair: Pair) -> None:
    """Not a fault of ours: what is wrong, and what to do."""
    ip = ["ip", "-n", pair.server, "link", "set", pair.server_interface, "down"]
    subprocess.run(ip, check=True)
    with pytest.raises(PreflightError, match="nothing can be sent") as caught:
        inside(pair.server, lambda: probe(pair.server_interface, 0.2))
    assert "link" in caught.value.fix
