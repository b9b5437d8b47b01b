"""Other DHCP servers on the provisioning network: searched for before we answer, and overheard.

Two servers that both give addresses are the commonest reason why a boot fails half the time
(provisioners facts, 2 B). Before serving, a DISCOVER asks who answers (MAAS `dhcp/detect.py`);
while serving, offers of others that pass by are noticed.
"""

from __future__ import annotations

import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.boot.client import PROBE_CLASS
from appliance.boot.sockets import open_packet_socket, send_frame
from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire import pcap
from appliance.wire.dhcp4 import (
    BROADCAST,
    BROADCAST_FLAG,
    CLIENT_PORT,
    SERVER_PORT,
    UNSPECIFIED,
    MessageType,
    Op,
    Packet,
    decode,
    encode,
)
from appliance.wire.dhcp4_options import OptionCode, Options

_SERVERS_WORDS = (MessageType.OFFER, MessageType.ACK, MessageType.NAK)
_BROADCAST_MAC = Mac("ffffffffffff")
_PXE_CLASS = b"PXEClient:Arch:00007:UNDI:003016"
_ASKS = bytes((1, 3, 6, 43, 54, 60, 66, 67))


@dataclass(frozen=True, slots=True)
class Rival:
    """A DHCP server that is not ours. `offered` is None for one that gives boot files only."""

    address: IPv4Address
    server_id: IPv4Address | None
    mac: Mac
    offered: IPv4Address | None

    def __str__(self) -> str:
        what = f"offers {self.offered}" if self.offered else "offers boot files"
        return f"{self.server_id or self.address} (hardware address {self.mac}) {what}"


def rival_in(frame: bytes, *, own: IPv4Address | None = None) -> tuple[Rival, Packet] | None:
    """Find another server's word in an Ethernet frame; None when there is none.

    `own` is our server's address: what a relay brings of our own replies is no rival's.
    Raises WireError when the frame is damaged.
    """
    datagram = pcap.udp_of(pcap.Frame(0, frame))
    if datagram is None or datagram.sport != SERVER_PORT:
        return None
    packet = decode(datagram.payload)
    if packet.op is not Op.REPLY or packet.message_type not in _SERVERS_WORDS:
        return None
    server_id = packet.options.address(OptionCode.SERVER_ID)
    if own is not None and own in (server_id, datagram.src):
        return None
    offered = packet.yiaddr if packet.yiaddr != UNSPECIFIED else None
    return Rival(datagram.src, server_id, datagram.src_mac, offered), packet


def probe(interface: str, seconds: float = 3.0) -> tuple[Rival, ...]:
    """Ask on `interface` who serves DHCP and wait `seconds` for all answers.

    Needs root's rights. Our own service keeps silent to this. Asks once as a system and once as
    PXE firmware, since a proxy answers only that. Raises PreflightError as `open_packet_socket`
    does, and where nothing can be sent.
    """
    with open_packet_socket(interface) as opened:
        own = Mac.from_bytes(opened.getsockname()[4])
        asked = tuple(_discover(vendor) for vendor in (b"", _PXE_CLASS))
        xids = {packet.xid for packet in asked}
        found: dict[tuple[Mac, IPv4Address | None], Rival] = {}
        ends = time.monotonic() + seconds
        for half in (ends - seconds / 2, ends):
            for packet in asked:
                send_frame(opened, _frame(packet, own), interface)
            for rival, packet in _answers(opened, half):
                key = (rival.mac, rival.server_id)
                if packet.xid in xids and (key not in found or rival.offered):
                    found[key] = rival
        return tuple(found.values())


def _answers(opened: socket.socket, until: float) -> Iterator[tuple[Rival, Packet]]:
    while (left := until - time.monotonic()) > 0:
        if not select.select([opened], [], [], left)[0]:
            return
        with suppress(WireError, BlockingIOError):
            answer = rival_in(opened.recv(4096))
            if answer is not None:
                yield answer


def _discover(vendor_class: bytes) -> Packet:
    # A locally administered address of chance: no server has a lease to disturb under it.
    mac = bytes((0x02, *os.urandom(5)))
    options: dict[int, bytes] = {
        OptionCode.MESSAGE_TYPE: bytes((MessageType.DISCOVER,)),
        OptionCode.PARAMETER_REQUEST_LIST: _ASKS,
        OptionCode.USER_CLASS: bytes((len(PROBE_CLASS),)) + PROBE_CLASS.encode(),
    }
    if vendor_class:
        options[OptionCode.VENDOR_CLASS] = vendor_class
        options[OptionCode.CLIENT_ARCHITECTURE] = b"\x00\x07"
        options[OptionCode.CLIENT_NETWORK_INTERFACE] = b"\x01\x03\x10"
    return Packet(
        op=Op.REQUEST,
        xid=int.from_bytes(os.urandom(4), "big"),
        chaddr=mac.ljust(16, b"\0"),
        flags=BROADCAST_FLAG,
        options=Options(options),
    )


def _frame(packet: Packet, own: Mac) -> bytes:
    # Our own address on the frame: a switch with port security knows no other here.
    return pcap.udp_frame(
        pcap.UdpDatagram(
            src=UNSPECIFIED,
            sport=CLIENT_PORT,
            dst=BROADCAST,
            dport=SERVER_PORT,
            payload=encode(packet),
            src_mac=own,
            dst_mac=_BROADCAST_MAC,
        )
    )
