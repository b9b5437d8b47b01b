"""A DHCP service on real sockets in a namespace, driven by hand, with a client at the other end."""

from __future__ import annotations

import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from appliance.boot.dhcp_server import DhcpService
from appliance.boot.lease_store import LeaseStore
from appliance.boot.model import BootEvent, BootMachine, BootNetwork
from appliance.boot.sockets import open_packet_socket, open_sockets
from appliance.machines.state import Record
from appliance.tools.clock import Clock
from appliance.values import Mac
from appliance.wire import pcap
from appliance.wire.dhcp4 import Packet, decode, encode
from tests.namespaces import Pair, inside, veth_pair
from tests.unit.boot.dhcp_packets import NETWORK

BRIDGE = IPv4Address("10.99.5.1")
WIRE = replace(
    NETWORK,
    cidr=IPv4Network("10.99.5.0/24"),
    bridge=BRIDGE,
    gateway=BRIDGE,
    dns=(BRIDGE,),
    ntp=(BRIDGE,),
    pool_first=IPv4Address("10.99.5.100"),
    pool_last=IPv4Address("10.99.5.119"),
    hosts=(),
)


@dataclass
class Memory:
    """The boot process' state, as far as the service asks for it."""

    machines: tuple[BootMachine, ...] = ()
    events: list[BootEvent] = field(default_factory=list)
    addresses: dict[IPv4Address, Mac] = field(default_factory=dict)
    fault: Exception | None = None

    def machine_of_mac(self, mac: Mac) -> BootMachine | None:
        """Find a machine, or fail as told."""
        if self.fault is not None:
            raise self.fault
        return next((each for each in self.machines if mac in each.macs), None)

    def record(self, machine: str) -> Record:
        """Nothing is known of any machine."""
        assert machine
        return Record()

    def leased(self, mac: Mac, address: IPv4Address) -> None:
        """Take an address."""
        self.addresses[address] = mac

    def released(self, address: IPv4Address) -> None:
        """Take an address away."""
        self.addresses.pop(address, None)

    def note(self, event: BootEvent) -> None:
        """Keep an event."""
        self.events.append(event)

    def findings(self) -> list[str]:
        """Give the findings' texts."""
        return [event.text for event in self.events if event.kind == "finding"]


@dataclass
class Wire:
    """A service at one end of a cable, a raw client at the other."""

    pair: Pair
    network: BootNetwork
    sockets: dict[str, socket.socket]
    client: socket.socket
    memory: Memory
    path: Path
    service: DhcpService
    now: float = 1000.0

    def send(self, packet: Packet, *, source: str = "0.0.0.0") -> None:
        """Broadcast a client's packet, as firmware does."""
        mac = Mac.from_bytes(packet.chaddr[:6])
        datagram = pcap.UdpDatagram(
            IPv4Address(source),
            68,
            IPv4Address("255.255.255.255"),
            67,
            encode(packet),
            mac,
            Mac("ffffffffffff"),
        )
        self.client.send(pcap.udp_frame(datagram))

    def serve(self) -> None:
        """Let the service take what has arrived."""
        select.select([self.sockets["dhcp"]], [], [], 5)
        self.service.on_readable()

    def received(self) -> list[pcap.UdpDatagram]:
        """Give the servers' datagrams that have reached the client."""
        found: list[pcap.UdpDatagram] = []
        select.select([self.client], [], [], 0.2)
        while True:
            try:
                datagram = pcap.udp_of(pcap.Frame(0, self.client.recv(4096)))
            except BlockingIOError:
                return found
            if datagram is not None and datagram.sport == 67:
                found.append(datagram)

    def ask(self, packet: Packet) -> Packet | None:
        """Send, serve, and give the reply."""
        self.send(packet)
        self.serve()
        replies = [decode(each.payload) for each in self.received()]
        assert len(replies) <= 1
        return replies[0] if replies else None

    def restart(self) -> None:
        """Start the service anew on the same file."""
        self.memory = Memory(self.memory.machines)
        self.service = self._service()

    def _service(self) -> DhcpService:
        service = DhcpService(
            sockets=self.sockets,
            network=self.network,
            memory=self.memory,
            store=LeaseStore(self.path, boot="one"),
            clock=Clock(lambda: 1_790_000_000.0 + self.now, lambda: self.now),
        )
        service.set_machines(self.memory.machines)
        return service


@contextmanager
def wire(folder: Path, machines: tuple[BootMachine, ...]) -> Iterator[Wire]:
    """Lay a cable with a service at its end."""
    with veth_pair(IPv4Interface(f"{BRIDGE}/24")) as pair:
        network = replace(WIRE, interface=pair.server_interface)
        names = ("dhcp", "proxy", "packet")
        opened = inside(
            pair.server, lambda: open_sockets(pair.server_interface, BRIDGE, names=names)
        )
        client = inside(pair.client, lambda: open_packet_socket(pair.client_interface))
        memory = Memory(machines)
        made = Wire.__new__(Wire)
        made.pair, made.network, made.sockets, made.client = pair, network, opened, client
        made.memory, made.path, made.now = memory, folder / "boot.db", 1000.0
        made.service = made._service()
        try:
            yield made
        finally:
            for each in (*opened.values(), client):
                each.close()
