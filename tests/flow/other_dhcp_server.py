"""Another DHCP server on the wire: a site's own, or a forgotten one."""

from __future__ import annotations

import contextlib
import select
import socket
import subprocess
import threading
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface

from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire import pcap
from appliance.wire.dhcp4 import BROADCAST, MessageType, Packet, decode, encode, reply_to
from appliance.wire.dhcp4_options import OptionCode, Options
from tests.flow.rehearsed_site import RehearsedSite
from tests.namespaces import inside

SERVER = IPv4Interface("10.77.0.1/24")
SERVER_MAC = Mac("525400770001")


class OtherDhcpServer:
    """Gives 10.77.0.150 and upwards to whoever asks, and no boot file."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._given: dict[Mac, IPv4Address] = {}
        self._ended = threading.Event()

    def serve(self) -> None:
        """Answer until `end`."""
        while not self._ended.is_set():
            if select.select([self._line], [], [], 0.1)[0]:
                with contextlib.suppress(WireError):
                    self._answer(self._line.recv(4096))

    def end(self) -> None:
        """Fall silent."""
        self._ended.set()

    def _answer(self, frame: bytes) -> None:
        datagram = pcap.udp_of(pcap.Frame(0, frame))
        if datagram is None or datagram.dport != 67:
            return
        packet = decode(datagram.payload)
        asked = packet.options.address(OptionCode.SERVER_ID)
        if packet.message_type is MessageType.DISCOVER:
            self._reply(packet, MessageType.OFFER)
        elif packet.message_type is MessageType.REQUEST and asked in (None, SERVER.ip):
            self._reply(packet, MessageType.ACK)

    def _reply(self, packet: Packet, message: MessageType) -> None:
        number = len(self._given)
        address = self._given.setdefault(packet.mac, IPv4Address("10.77.0.150") + number)
        options = {
            int(OptionCode.SERVER_ID): SERVER.ip.packed,
            int(OptionCode.LEASE_TIME): (3600).to_bytes(4, "big"),
            int(OptionCode.SUBNET_MASK): SERVER.netmask.packed,
        }
        reply = reply_to(packet, message, options=Options(options), yiaddr=address)
        answer = pcap.UdpDatagram(
            SERVER.ip, 67, BROADCAST, 68, encode(reply), SERVER_MAC, Mac("ffffffffffff")
        )
        self._line.send(pcap.udp_frame(answer))


@contextlib.contextmanager
def other_dhcp_server(site: RehearsedSite) -> Iterator[None]:
    """Put it on the site's switch for the time of the block."""
    machine = site.machine(SERVER_MAC)
    words = ["address", "add", str(SERVER), "dev", "eth0"]
    subprocess.run(["ip", "-n", machine.namespace, *words], check=True)
    line = inside(machine.namespace, _raw_line)
    server = OtherDhcpServer(line)
    serving = threading.Thread(target=server.serve, daemon=True)
    serving.start()
    try:
        yield
    finally:
        server.end()
        serving.join()
        line.close()


def _raw_line() -> socket.socket:
    line = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    line.bind(("eth0", 3))
    return line
