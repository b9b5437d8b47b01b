"""The DHCP service: drains its sockets, decides, puts leases on disk once a batch, then sends.

All that it does is non-blocking but for that one commit. It runs in the unprivileged boot process
on sockets that main opened. A packet that cannot be read, and even a fault of our own, costs that
packet alone (simple_dhcp_server#26 is what happens otherwise).
"""

from __future__ import annotations

import socket
import sqlite3
import struct
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address
from typing import Protocol

from appliance.boot.client import BootClient
from appliance.boot.dhcp import DhcpOutcome, answer, reservations
from appliance.boot.event_gate import EventGate
from appliance.boot.lease_store import LeaseStore
from appliance.boot.leases import Hold, LeaseBook, LeaseChange
from appliance.boot.model import BootEvent, BootMachine, BootNetwork, Moment
from appliance.boot.pool_watch import PoolWatch
from appliance.errors import WireError
from appliance.machines.state import Record
from appliance.tools.clock import Clock
from appliance.values import Mac
from appliance.wire.dhcp4 import (
    PXE_PORT,
    SERVER_PORT,
    Delivery,
    Destination,
    MessageType,
    Packet,
    decode,
    deliver_to,
    encode,
    reply_budget,
)
from appliance.wire.pcap import UdpDatagram, udp_frame

BATCH = 256
"""Packets taken from one socket before the others have their turn."""

TICK = 0.2
_LARGEST = 4096
_IP_UDP_HEADERS = 28


class BootMemory(Protocol):
    """What the service needs of the boot process' state."""

    def machine_of_mac(self, mac: Mac) -> BootMachine | None:
        """Give the machine that has a network card."""

    def record(self, machine: str) -> Record:
        """Give what is known of a machine."""

    def leased(self, mac: Mac, address: IPv4Address) -> None:
        """Note which address a network card was given."""

    def released(self, address: IPv4Address) -> None:
        """Note that an address is nobody's again."""

    def note(self, event: BootEvent) -> None:
        """Keep an event and tell main."""


class Turns(Protocol):
    """Whose turn it is to be the boot file of a machine that shows itself: stage-1's or iPXE's."""

    def turn(self, client: BootClient, message: MessageType | None) -> bool:
        """Say whether it is stage-1's; a client's DISCOVER is the beginning of a boot."""

    def pointed(self, mac: Mac) -> None:
        """Note that a firmware was told for good what to boot."""


class Watcher(Protocol):
    """The loop on which the service runs."""

    def watch(self, source: socket.socket, on_readable: Callable[[], None]) -> None:
        """Call `on_readable` whenever `source` can be read."""

    def every(self, seconds: float, call: Callable[[], None]) -> None:
        """Call again and again."""


@dataclass(frozen=True, slots=True)
class _Answered:
    request: Packet
    outcome: DhcpOutcome
    source: tuple[str, int]
    port: int


class DhcpService:
    """DHCP on port 67 and the PXE boot server on 4011, for one network.

    `sockets` holds `dhcp`, `proxy` and `packet` as `sockets.open_sockets` opened them; without
    `packet`, answers to clients without an address are broadcast and nothing is probed. Leases that
    were kept for `machines` are taken back as theirs. Without `turns`, iPXE always has its turn.
    """

    def __init__(
        self,
        *,
        sockets: Mapping[str, socket.socket],
        network: BootNetwork,
        memory: BootMemory,
        store: LeaseStore,
        clock: Clock,
        machines: tuple[BootMachine, ...] = (),
        turns: Turns | None = None,
    ) -> None:
        self._turns = turns
        self._dhcp = sockets["dhcp"]
        self._proxy = sockets.get("proxy")
        self._packet = sockets.get("packet")
        self._network = network
        self._memory = memory
        self._store = store
        self._clock = clock
        self._gate = EventGate()
        self._own_mac = _hardware_address(self._packet)
        self._source = _source(network.bridge)
        self.book = _book(network)
        self._watch = PoolWatch(network, self.book, self._own_mac)
        self.faults = 0
        self._reserve(machines)
        self._load()

    def register(self, loop: Watcher) -> None:
        """Have a loop call `on_readable`, `on_frames` and `tick`."""
        loop.watch(self._dhcp, partial(self.on_readable, SERVER_PORT))
        if self._proxy is not None:
            loop.watch(self._proxy, partial(self.on_readable, PXE_PORT))
        if self._packet is not None:
            loop.watch(self._packet, self.on_frames)
        loop.every(TICK, self.tick)

    def set_machines(self, machines: tuple[BootMachine, ...]) -> None:
        """Take the site's machines: their addresses are kept for them from now on."""
        self._reserve(machines)
        if self._packet is not None:
            self._watch.set_machines(machines, self._clock.monotonic())

    def _reserve(self, machines: tuple[BootMachine, ...]) -> None:
        self.book.reserve(reservations(machines))

    # ---------------------------------------------------------------- packets

    def on_readable(self, port: int = SERVER_PORT) -> None:
        """Answer what waits on the socket of `port`, at most BATCH packets."""
        opened = self._proxy if port == PXE_PORT else self._dhcp
        if opened is None:
            return
        answered: list[_Answered] = []
        for _ in range(BATCH):
            try:
                payload, source = opened.recvfrom(_LARGEST)
            except BlockingIOError:
                break
            except OSError as error:
                self._find(f"DHCP cannot be received: {error.strerror}")
                break
            done = self._decide(payload, source, port)
            if done is not None:
                answered.append(done)
        if answered:
            self._finish(answered)

    def _decide(self, payload: bytes, source: tuple[str, int], port: int) -> _Answered | None:
        try:
            packet = decode(payload)
            outcome = answer(
                packet,
                network=self._network,
                machines=self._memory.machine_of_mac,
                records=self._memory.record,
                book=self.book,
                now=self._moment(),
                server_port=port,
                turn=self._turns.turn if self._turns is not None else None,
            )
        except WireError as error:
            self._find(f"a DHCP packet from {source[0]} cannot be read: {error}")
            return None
        except Exception as error:  # noqa: BLE001 (one packet must not end the service)
            self._fault(error)
            return None
        return _Answered(packet, outcome, source, port)

    def _finish(self, answered: list[_Answered]) -> None:
        durable = self._commit(change for each in answered for change in each.outcome.changes)
        for each in answered:
            if each.outcome.reply is not None and (durable or not each.outcome.changes):
                self._send(each.outcome.reply, each)
                if each.outcome.points and self._turns is not None:
                    self._turns.pointed(each.request.mac)
        for each in answered:
            for event in each.outcome.events:
                self._give(event)

    def _commit(self, changes: Iterable[LeaseChange]) -> bool:
        """Put changes on disk; without that, no ACK leaves (RFC 2131, 3.1)."""
        wanted = tuple(changes)
        try:
            self._store.commit(wanted, unix=self._clock.utc())
        except sqlite3.Error as error:
            self._find(f"leases cannot be written, so none is given: {error}. Is the disk full?")
            return False
        for change in wanted:
            if change.lease is None:
                self._memory.released(change.address)
            elif change.lease.hold is Hold.LEASE:
                self._memory.leased(change.lease.mac, change.address)
        return True

    def _send(self, reply: Packet, each: _Answered) -> None:
        try:
            budget = min(reply_budget(each.request), self._network.mtu - _IP_UDP_HEADERS)
            payload = encode(reply, max_size=budget)
            if each.port == PXE_PORT and self._proxy is not None:
                self._proxy.sendmsg([payload], self._source, 0, each.source)
                return
            self._deliver(payload, deliver_to(reply, each.request))
        except BlockingIOError:
            self._find("the network card takes no more packets; machines will ask again")
        except (OSError, WireError) as error:
            self._find(f"an answer to {each.request.mac} cannot be sent: {error}")

    def _deliver(self, payload: bytes, to: Destination) -> None:
        if to.via is Delivery.HARDWARE and self._packet is not None and to.mac is not None:
            datagram = UdpDatagram(
                src=self._network.bridge,
                sport=SERVER_PORT,
                dst=to.address,
                dport=to.port,
                payload=payload,
                src_mac=self._own_mac,
                dst_mac=to.mac,
            )
            self._packet.send(udp_frame(datagram))
            return
        address = "255.255.255.255" if to.via is Delivery.HARDWARE else str(to.address)
        self._dhcp.sendmsg([payload], self._source, 0, (address, to.port))

    # ---------------------------------------------------------------- overheard, and in time

    def on_frames(self) -> None:
        """Take what the packet socket heard: who uses which address, and other servers."""
        if self._packet is None:
            return
        changes: list[LeaseChange] = []
        for _ in range(BATCH):
            try:
                frame = self._packet.recv(_LARGEST)
            except BlockingIOError:
                break
            except OSError as error:
                self._find(f"the network card cannot be listened to: {error.strerror}")
                break
            try:
                seen = self._watch.heard(frame, self._moment())
            except WireError:
                continue  # Not meant for us: whom it is for will say so.
            except Exception as error:  # noqa: BLE001 (one frame must not end the service)
                self._fault(error)
                continue
            changes.extend(seen.changes)
            for event in seen.events:
                self._give(event)
        if changes:
            self._commit(changes)

    def tick(self) -> None:
        """Send the probes that are due; to be called every TICK seconds."""
        if self._packet is not None:
            try:
                for frame in self._watch.due(self._clock.monotonic()):
                    self._packet.send(frame)
            except OSError as error:
                self._find(f"addresses cannot be probed: {error.strerror}")
        held_back = self._gate.held_back()
        if held_back:
            self._find(f"{held_back} more DHCP events came than can be shown")

    # ---------------------------------------------------------------- inside

    def _load(self) -> None:
        leases, damaged = self._store.load(self._clock.monotonic())
        for reason in (*damaged, *self.book.restore(leases)):
            self._find(reason)
        for lease in leases:
            if self.book.lease_of(lease.mac, self._clock.monotonic()) is lease:
                self._memory.leased(lease.mac, lease.address)

    def _moment(self) -> Moment:
        return Moment(self._clock.utc(), self._clock.monotonic())

    def _give(self, event: BootEvent) -> None:
        if self._gate.admits(event, self._clock.monotonic()):
            self._memory.note(event)

    def _find(self, text: str) -> None:
        self._give(BootEvent(self._clock.utc(), "finding", text))

    def _fault(self, error: Exception) -> None:
        self.faults += 1
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{place.name}, line {place.lineno}"
        self._find(f"a fault of our own cost one packet: {type(error).__name__}: {error} ({where})")


def _book(network: BootNetwork) -> LeaseBook:
    fixed = {network.bridge, network.gateway, *network.dns, *network.ntp}
    ends = {network.cidr.network_address, network.cidr.broadcast_address}
    named = {address for _, address in network.hosts}
    return LeaseBook(network.pool_first, network.pool_last, excluded=fixed | ends | named)


def _source(address: IPv4Address) -> list[tuple[int, int, bytes]]:
    # An interface may carry several addresses; the answer must come from the bridge's own
    # (struct in_pktinfo, ip(7)). IP_PKTINFO has no name in Python's socket before 3.14.
    ip_pktinfo = 8
    return [(socket.IPPROTO_IP, ip_pktinfo, struct.pack("=I4s4s", 0, address.packed, bytes(4)))]


def _hardware_address(packet: socket.socket | None) -> Mac:
    if packet is None:
        return Mac("0" * 12)
    return Mac.from_bytes(packet.getsockname()[4])
