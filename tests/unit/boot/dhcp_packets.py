"""DHCP packets and a network for the tests of boot/."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from appliance.boot.dhcp import DhcpOutcome, Turn, answer, reservations
from appliance.boot.leases import LeaseBook
from appliance.boot.model import BootMachine, BootNetwork, Documents, Moment
from appliance.machines.state import Record
from appliance.values import Mac, Secret
from appliance.wire import pcap
from appliance.wire.dhcp4 import UNSPECIFIED, MessageType, Op, Packet, decode
from appliance.wire.dhcp4_options import OptionCode, Options

CAPTURES = Path(__file__).parents[2] / "captures"
BRIDGE = IPv4Address("10.20.0.2")
NETWORK = BootNetwork(
    interface="eth7",
    cidr=IPv4Network("10.20.0.0/24"),
    bridge=BRIDGE,
    gateway=IPv4Address("10.20.0.1"),
    dns=(BRIDGE,),
    ntp=(BRIDGE,),
    pool_first=IPv4Address("10.20.0.100"),
    pool_last=IPv4Address("10.20.0.149"),
    zone="alpha.internal",
    hosts=(("vip", IPv4Address("10.20.0.9")),),
)
KNOWN, STRANGER = Mac("525400000001"), Mac("525400000099")
RESERVED = IPv4Address("10.20.0.11")
NODE = BootMachine(
    name="hv1",
    hostname="hv1",
    macs=(KNOWN,),
    address=RESERVED,
    documents=Documents(Secret("#!ipxe"), Secret("{}")),
)
UUID_OPTION = b"\0" + bytes(range(16))


def options_of(kind: str, arch: int = 7) -> dict[int, bytes]:
    """Give what each kind of client says of itself."""
    architecture: dict[int, bytes] = {
        OptionCode.CLIENT_ARCHITECTURE: arch.to_bytes(2, "big"),
        OptionCode.MACHINE_ID: UUID_OPTION,
    }
    match kind:
        case "pxe":
            name = f"PXEClient:Arch:{arch:05}:UNDI:003000".encode()
            return {OptionCode.VENDOR_CLASS: name, **architecture}
        case "http":
            name = f"HTTPClient:Arch:{arch:05}:UNDI:003001".encode()
            return {OptionCode.VENDOR_CLASS: name, **architecture}
        case "ipxe":
            name = f"PXEClient:Arch:{arch:05}:UNDI:003010".encode()
            return {
                OptionCode.VENDOR_CLASS: name,
                OptionCode.USER_CLASS: b"iPXE",
                OptionCode.IPXE: bytes.fromhex("13010124010115010117010121 0101".replace(" ", "")),
                **architecture,
            }
        case "stage1":
            return {OptionCode.VENDOR_CLASS: b"bridgehead-stage1"}
        case "idrac":
            return {OptionCode.VENDOR_CLASS: b"iDRAC", OptionCode.HOST_NAME: b"idrac-4ZK7PX3"}
        case _:
            return {OptionCode.PARAMETER_REQUEST_LIST: bytes((1, 3, 6, 12, 15, 28, 42))}


def request(
    message: MessageType,
    options: dict[int, bytes] | None = None,
    *,
    mac: Mac = KNOWN,
    ciaddr: IPv4Address = UNSPECIFIED,
    giaddr: IPv4Address = UNSPECIFIED,
    flags: int = 0,
) -> Packet:
    """Build a client's packet."""
    return Packet(
        op=Op.REQUEST,
        xid=0x1234,
        chaddr=mac.to_bytes().ljust(16, b"\0"),
        flags=flags,
        ciaddr=ciaddr,
        giaddr=giaddr,
        options=Options({OptionCode.MESSAGE_TYPE: bytes((message,)), **(options or {})}),
    )


class Bench:
    """A network with its machines, records and lease book, to ask for answers."""

    def __init__(
        self, network: BootNetwork = NETWORK, machines: tuple[BootMachine, ...] = (NODE,)
    ) -> None:
        self.network = network
        self.machines = machines
        self.records: dict[str, Record] = {}
        self.book = LeaseBook(network.pool_first, network.pool_last)
        self.now = 1000.0
        self.turn: Turn | None = None
        self.know(*machines)

    def know(self, *machines: BootMachine) -> None:
        """Set the site's machines."""
        self.machines = machines
        self.book.reserve(reservations(machines))

    def ask(self, packet: Packet, *, port: int = 67) -> DhcpOutcome:
        """Ask for the answer to a packet."""
        return answer(
            packet,
            network=self.network,
            machines=lambda mac: next((m for m in self.machines if mac in m.macs), None),
            records=lambda name: self.records.get(name, Record()),
            book=self.book,
            now=Moment(unix=1_790_000_000.0 + self.now, monotonic=self.now),
            server_port=port,
            turn=self.turn,
        )


def captured(name: str) -> Iterator[Packet]:
    """Give the clients' packets of a capture, in order."""
    for frame in pcap.read((CAPTURES / f"{name}.pcap").read_bytes()):
        datagram = pcap.udp_of(frame)
        if datagram is not None and datagram.dport == 67:
            yield decode(datagram.payload)
