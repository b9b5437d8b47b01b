"""The machines' cables to the lab's switch, and which addresses are heard behind each card.

Works in the network namespace that this process is in: the switch's.
"""

from __future__ import annotations

import contextlib
import hashlib
import ipaddress
import socket
import struct
import subprocess
import threading
from pathlib import Path

from appliance.errors import LabNetworkError
from appliance.lab.network import MTU

_ETH_P_ARP = 0x0806
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _PACKET_MR_PROMISC = 263, 1, 1
_LISTEN_S = 0.5
_ARP_OF_IPV4 = struct.pack("!HHBB", 1, 0x0800, 6, 4)


def tap_name(namespace: str, machine: str, interface: str) -> str:
    """Name the tap of a machine's card: the same after every restart, 15 characters at most."""
    text = f"{namespace}/{machine}/{interface}"
    return f"v{hashlib.sha256(text.encode()).hexdigest()[:11]}"


def plug_in(tap: str, bridge: str) -> None:
    """Make the tap a port of the bridge. Safe to repeat. Raises LabNetworkError."""
    if _ip("link", "show", tap).returncode:
        _must("tuntap", "add", "dev", tap, "mode", "tap")
    _must("link", "set", tap, "mtu", str(MTU), "master", bridge, "up")


def unplug(tap: str) -> None:
    """Remove a tap. Safe to repeat."""
    _ip("link", "del", tap)


def _must(*words: str) -> None:
    done = _ip(*words)
    if done.returncode:
        raise LabNetworkError(
            f"`ip {' '.join(words)}` failed", where="a machine's cable", why=done.stderr.strip()
        )


def _ip(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["ip", *words], capture_output=True, text=True, check=False)


def read_arp(frame: bytes) -> tuple[str, str] | None:
    """Give the sender's MAC and address of an Ethernet frame with ARP (RFC 826); else None.

    A probe (RFC 5227 2.1.1) comes from 0.0.0.0 and claims nothing yet.
    """
    packet = frame[14:]
    if len(packet) < 28 or packet[:6] != _ARP_OF_IPV4:
        return None
    address = ipaddress.IPv4Address(packet[14:18])
    if address == ipaddress.IPv4Address(0):
        return None
    return packet[8:14].hex(":"), str(address)


def request_arp(mac: str, own: str, wanted: str) -> bytes:
    """Give the frame of an ordinary request from `own`.

    A probe from 0.0.0.0 would look like a conflict to a guest that just probes the same address
    (RFC 5227 2.1.1).
    """
    source = bytes.fromhex(mac.replace(":", ""))
    sender, target = (ipaddress.IPv4Address(each).packed for each in (own, wanted))
    packet = _ARP_OF_IPV4 + b"\0\1" + source + sender + bytes(6) + target
    return b"\xff" * 6 + source + _ETH_P_ARP.to_bytes(2, "big") + packet


class Neighbours:
    """Listens to ARP on the bridge and remembers which addresses each card has claimed.

    `own` is the switch's own address, as which it asks; without one it only listens.
    """

    def __init__(self, bridge: str, own: str = "") -> None:
        self._own = own or None
        self._mac = Path(f"/sys/class/net/{bridge}/address").read_text(encoding="ascii").strip()
        self._lock = threading.Lock()
        self._heard: dict[str, list[str]] = {}
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ARP))
        self._socket.bind((bridge, _ETH_P_ARP))
        # A bridge hands itself a copy of what it forwards only while it is promiscuous
        # (net/bridge/br_input.c): answers go from card to card.
        request = struct.pack("iHH8s", socket.if_nametoindex(bridge), _PACKET_MR_PROMISC, 0, b"")
        self._socket.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, request)
        self._socket.settimeout(_LISTEN_S)
        self._closed = False
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def addresses(self, mac: str) -> tuple[str, ...]:
        """Give the addresses heard from a card, the first first."""
        with self._lock:
            return tuple(self._heard.get(mac.lower(), ()))

    def forget(self, mac: str) -> None:
        """Forget a card's addresses: its machine is off."""
        with self._lock:
            self._heard.pop(mac.lower(), None)

    def ask(self, address: str) -> None:
        """Ask the switch who has an address: a guest that is idle says nothing by itself."""
        if self._own is not None:
            with contextlib.suppress(OSError):
                self._socket.send(request_arp(self._mac, self._own, address))

    def close(self) -> None:
        """Stop listening."""
        self._closed = True
        self._thread.join(10)
        self._socket.close()

    def _listen(self) -> None:
        while not self._closed:
            with contextlib.suppress(OSError):  # nothing came, or the bridge went down
                self.hear(self._socket.recv(2048))

    def hear(self, frame: bytes) -> None:
        """Take a frame's claim. The last card that claims an address has it."""
        claim = read_arp(frame)
        if claim is None:
            return
        mac, address = claim
        with self._lock:
            for other, addresses in self._heard.items():
                if other != mac and address in addresses:
                    addresses.remove(address)
            known = self._heard.setdefault(mac, [])
            if address not in known:
                known.append(address)
