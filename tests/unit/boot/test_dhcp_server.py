"""The DHCP service on real sockets: leases on disk before their ACK, and no packet ends it."""

from __future__ import annotations

import select
import socket
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from appliance.boot import dhcp_server
from appliance.boot.client import BootClient
from appliance.boot.dhcp_server import DhcpService
from appliance.boot.lease_store import LeaseStore
from appliance.boot.pool_probe import SPACING
from appliance.machines.state import Seen
from appliance.tools.clock import Clock
from appliance.values import Mac
from appliance.wire.dhcp4 import MessageType, Op, Packet, decode, encode
from appliance.wire.dhcp4_options import OptionCode
from tests.namespaces import inside, ip
from tests.unit.boot.dhcp_packets import KNOWN, NODE, STRANGER, options_of, request
from tests.unit.boot.service_bench import BRIDGE, WIRE, Memory, Wire, wire

HV1 = replace(NODE, address=IPv4Address("10.99.5.11"))
LOOPBACK = replace(WIRE, bridge=IPv4Address("127.0.0.1"), cidr=IPv4Network("127.0.0.0/8"))


class Loop:
    """The boot server's port on the loopback, which needs no rights."""

    def __init__(self, folder: Path) -> None:
        self.server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self.server.bind(("127.0.0.1", 0))
        self.client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.client.connect(self.server.getsockname())
        self.client.settimeout(5)
        self.memory = Memory((HV1,))
        self.service = DhcpService(
            sockets={"dhcp": self.server, "proxy": self.server},
            network=LOOPBACK,
            memory=self.memory,
            store=LeaseStore(folder / "boot.db", boot="one"),
            clock=Clock(lambda: 5.0, lambda: 5.0),
        )

    def send(self, raw: bytes) -> None:
        """Send a datagram."""
        self.client.send(raw)

    def serve(self) -> None:
        """Let the service take what has arrived."""
        select.select([self.server], [], [], 5)
        self.service.on_readable(4011)

    def waiting(self) -> int:
        """Take the answers that have arrived; give their number."""
        count = 0
        while select.select([self.client], [], [], 0)[0]:
            count += bool(self.client.recv(2048))
        return count


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """A service whose boot server listens on the loopback."""
    made = Loop(tmp_path)
    yield made
    made.server.close()
    made.client.close()


PXE = encode(request(MessageType.REQUEST, options_of("pxe"), ciaddr=IPv4Address("127.0.0.1")))


def test_boot_server_answers_its_sender(loop: Loop) -> None:
    """What came from a port goes back to it (PXE 2.1), not to port 68."""
    loop.send(PXE)
    loop.serve()
    reply = decode(loop.client.recv(2048))
    assert reply.message_type is MessageType.ACK
    assert reply.file == b"snponly.efi"


@pytest.mark.parametrize("raw", [b"", b"x", PXE[:100], PXE[:236] + b"cookie", b"\xff" * 1400])
def test_damaged_packet_is_a_finding_and_the_next_is_answered(loop: Loop, raw: bytes) -> None:
    """One datagram that cannot be read costs itself."""
    loop.send(raw)
    loop.send(PXE)
    loop.serve()
    assert decode(loop.client.recv(2048)).file
    assert any("cannot be read" in text for text in loop.memory.findings())
    assert loop.service.faults == 0


def test_own_fault_costs_one_packet_and_is_said(loop: Loop) -> None:
    """A bug in what we ask for an answer: counted, named with its place, the loop lives."""
    loop.memory.fault = KeyError("bug")
    loop.send(PXE)
    loop.serve()
    loop.memory.fault = None
    loop.send(PXE)
    loop.serve()
    assert decode(loop.client.recv(2048)).file
    assert loop.service.faults == 1
    (text,) = loop.memory.findings()
    assert "KeyError" in text
    assert "machine_of_mac" in text


def test_batch_is_bounded(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many packets wait, the other services have their turn after BATCH of them."""
    monkeypatch.setattr(dhcp_server, "BATCH", 4)
    for _ in range(6):
        loop.send(PXE)
    for expected in (4, 2):
        loop.serve()
        assert loop.waiting() == expected


def test_flood_of_strangers_gives_few_events(loop: Loop) -> None:
    """The same words of the same machine are said once a minute."""
    for _ in range(50):
        loop.send(PXE)
    loop.serve()
    shown = [event for event in loop.memory.events if event.kind == "dhcp"]
    assert len(shown) == 1


# ---------------------------------------------------------------------- on a cable


@pytest.fixture
def cable(tmp_path: Path) -> Iterator[Wire]:
    """A service at one end of a cable, a client at the other."""
    with wire(tmp_path, (HV1,)) as made:
        yield made


def discover(mac: Mac = KNOWN, kind: str = "pxe", flags: int = 0) -> Packet:
    """Make a DISCOVER."""
    return request(MessageType.DISCOVER, options_of(kind), mac=mac, flags=flags)


def take(offer: Packet, mac: Mac = KNOWN, kind: str = "pxe") -> Packet:
    """Make the REQUEST that takes an offer."""
    options = options_of(kind) | {
        OptionCode.SERVER_ID: BRIDGE.packed,
        OptionCode.REQUESTED_ADDRESS: offer.yiaddr.packed,
    }
    return request(MessageType.REQUEST, options, mac=mac)


def rows(path: Path) -> list[tuple[str, str, str]]:
    """Read the leases from the disk with another connection."""
    db = sqlite3.connect(path)
    try:
        return db.execute("SELECT address, mac, hold FROM lease ORDER BY address").fetchall()
    finally:
        db.close()


@pytest.mark.root
@pytest.mark.parametrize(("flags", "hardware"), [(0, KNOWN), (0x8000, Mac("ffffffffffff"))])
def test_exchange_of_a_client_without_an_address(cable: Wire, flags: int, hardware: Mac) -> None:
    """To its hardware address, or to all if it asks so; and the lease is on disk."""
    cable.send(discover(flags=flags))
    cable.serve()
    (datagram,) = cable.received()
    assert datagram.dst_mac == hardware
    assert (datagram.src, datagram.sport, datagram.dport) == (BRIDGE, 67, 68)
    offer = decode(datagram.payload)
    assert offer.yiaddr == HV1.address
    assert rows(cable.path) == []
    ack = cable.ask(take(offer))
    assert ack is not None
    assert ack.message_type is MessageType.ACK
    assert rows(cable.path) == [(str(HV1.address), KNOWN.bare, "lease")]
    assert cable.memory.addresses == {HV1.address: KNOWN}
    assert [event.seen for event in cable.memory.events if event.seen] == [Seen.FIRMWARE_DHCP]


@pytest.mark.root
def test_no_ack_leaves_while_the_disk_refuses(cable: Wire) -> None:
    """A lease that cannot be written is not given; offers go on; then it works again."""
    offer = cable.ask(discover())
    assert offer is not None
    db = sqlite3.connect(cable.path)
    db.execute("CREATE TRIGGER full BEFORE INSERT ON lease BEGIN SELECT RAISE(ABORT, 'full'); END")
    db.commit()
    cable.send(take(offer))
    cable.send(discover(STRANGER))
    cable.serve()
    assert {decode(each.payload).message_type for each in cable.received()} <= {MessageType.OFFER}
    assert cable.memory.addresses == {}
    assert any("cannot be written" in text for text in cable.memory.findings())
    db.execute("DROP TRIGGER full")
    db.commit()
    db.close()
    ack = cable.ask(take(offer))
    assert ack is not None
    assert ack.message_type is MessageType.ACK


@pytest.mark.root
def test_leases_survive_a_restart(cable: Wire) -> None:
    """A stranger's address is still its own, and nobody else's."""
    offer = cable.ask(discover(STRANGER))
    assert offer is not None
    cable.ask(take(offer, STRANGER))
    cable.restart()
    assert cable.memory.addresses == {offer.yiaddr: STRANGER}
    held = cable.service.book.lease_of(STRANGER, cable.now)
    assert held is not None
    assert held.address == offer.yiaddr
    again = cable.ask(discover(STRANGER))
    assert again is not None
    assert again.yiaddr == offer.yiaddr


@pytest.mark.root
def test_used_address_is_found_ahead_and_not_offered(cable: Wire) -> None:
    """The pool is probed before anybody asks: the machine that sits in it is named and avoided."""
    taken = cable.network.pool_first + 4
    ip("-n", cable.pair.client, "address", "add", f"{taken}/24", "dev", cable.pair.client_interface)
    for _ in range(4):
        cable.service.tick()
        select.select([cable.sockets["packet"]], [], [], 0.2)
        cable.service.on_frames()
        cable.now += SPACING
    assert any(str(taken) in text for text in cable.memory.findings())
    assert rows(cable.path)[0][0::2] == (str(taken), "in-use")
    offered = set()
    for number in range(19):
        offer = cable.ask(discover(Mac(f"5254000b{number:04x}"), "ipxe"))
        assert offer is not None
        offered.add(offer.yiaddr)
    assert len(offered) == 19
    assert taken not in offered
    assert cable.ask(discover(Mac("5254000bffff"), "ipxe")) is None
    assert any("no address is free" in text for text in cable.memory.findings())


@pytest.mark.root
def test_rival_on_the_wire_is_a_finding(cable: Wire) -> None:
    """Another server's offer passes by: it is named."""
    ip(
        "-n", cable.pair.client, "address", "add", "10.99.5.200/24",
        "dev", cable.pair.client_interface,
    )  # fmt: skip
    options: dict[int, bytes] = {OptionCode.SERVER_ID: bytes((10, 99, 5, 200))}
    offer = replace(request(MessageType.OFFER, options), op=Op.REPLY)

    def shout() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rival:
            rival.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            rival.bind(("10.99.5.200", 67))
            rival.sendto(encode(offer), ("10.99.5.255", 68))

    inside(cable.pair.client, shout)
    for _ in range(3):
        select.select([cable.sockets["packet"]], [], [], 0.5)
        cable.service.on_frames()
    assert any("10.99.5.200" in text and "another DHCP" in text for text in cable.memory.findings())


@pytest.mark.root
def test_forty_machines_at_once(cable: Wire) -> None:
    """A rack is switched on: every DISCOVER of the burst is answered from one reading."""
    cable.service.book.reserve({})
    macs = [Mac(f"5254000c{number:04x}") for number in range(20)]
    for mac in macs:
        cable.send(discover(mac))
    cable.serve()
    for _ in range(5):
        cable.service.on_readable()
    offers = [decode(each.payload) for each in cable.received()]
    assert {Mac.from_bytes(each.chaddr[:6]) for each in offers} == set(macs)
    assert len({each.yiaddr for each in offers}) == 20


class Turns:
    """Gives stage-1 every turn, and notes who was pointed to a file."""

    def __init__(self) -> None:
        self.pointed_to: list[Mac] = []

    def turn(self, client: BootClient, message: MessageType | None) -> bool:
        """Say yes."""
        assert message is not None
        return client.is_firmware

    def pointed(self, mac: Mac) -> None:
        """Note it."""
        self.pointed_to.append(mac)


def test_who_was_pointed_to_a_file_is_noted(loop: Loop) -> None:
    """The boot server's ACK names stage-1 to a stranger, once it is sent."""
    turns = loop.service._turns = Turns()
    home = IPv4Address("127.0.0.1")
    asks = request(MessageType.REQUEST, options_of("pxe"), mac=STRANGER, ciaddr=home)
    files = []
    for packet in (PXE, encode(asks)):
        loop.send(packet)
        loop.serve()
        files.append(decode(loop.client.recv(2048)).file)
    assert files == [b"snponly.efi", b"stage1-amd64.efi"]
    assert turns.pointed_to == [STRANGER]
