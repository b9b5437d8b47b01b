"""What the wire shows of the network's addresses: who uses which, and who else serves DHCP.

Keeps the lease book's stock of proven addresses, and turns conflicts into findings that name the
address and the machine. Pure: frames in, frames and values out.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.boot.leases import Hold, LeaseBook, LeaseChange
from appliance.boot.model import BootEvent, BootMachine, BootNetwork, Moment
from appliance.boot.pool_probe import FRESH, STOCK, InUse, PoolProbe
from appliance.boot.rival import Rival, rival_in
from appliance.values import Mac
from appliance.wire import arp


@dataclass(frozen=True, slots=True)
class Overheard:
    """What one frame showed."""

    changes: tuple[LeaseChange, ...] = ()
    events: tuple[BootEvent, ...] = ()


class PoolWatch:
    """The watch over one network's addresses."""

    def __init__(self, network: BootNetwork, book: LeaseBook, own: Mac) -> None:
        self._network = network
        self._book = book
        self._probe = PoolProbe(own)
        self._owners: dict[IPv4Address, frozenset[Mac]] = {}
        self._labels: dict[IPv4Address, str] = {network.bridge: "this laptop's own address"}
        self._macs: frozenset[Mac] = frozenset((own,))
        self._own = own
        self._proxies: frozenset[Mac] = frozenset()

    def set_machines(self, machines: tuple[BootMachine, ...], now: float) -> None:
        """Take the site's machines, and have their addresses and the site's names probed.

        The names' addresses (the VIP's, say) only while nothing is installed: later they answer
        rightly. Beside a site's own server, which gives the addresses, nothing is probed.
        """
        self._owners = {each.address: frozenset(each.macs) for each in machines}
        self._macs = frozenset(mac for each in machines for mac in each.macs) | {self._own}
        self._labels = {self._network.bridge: "this laptop's own address"}
        self._labels |= {each.address: f"the address of {each.name}" for each in machines}
        if not any(each.installed for each in machines):
            for name, address in self._network.hosts:
                self._labels.setdefault(address, f"the address of {name}")
        if not self._network.proxy:
            self._probe.begin(self._labels, now)

    def due(self, now: float) -> tuple[bytes, ...]:
        """Give the probes to send now, and take note of what nobody answered for."""
        if self._network.proxy:
            return ()
        lacking = STOCK - self._book.proven_free(now - FRESH) - self._probe.outstanding
        if lacking > 0:
            self._probe.begin(self._book.to_probe(lacking, since=now - FRESH), now)
        frames, free = self._probe.due(now)
        for address in free:
            self._book.found_free(address, now)
        return frames

    def heard(self, frame: bytes, now: Moment) -> Overheard:
        """Take a frame from the wire. Raises WireError when it is damaged."""
        if frame[12:14] == arp.ETHERTYPE.to_bytes(2, "big"):
            in_use = self._probe.heard(arp.decode(frame))
            return self._conflict(in_use, now) if in_use is not None else self._proxy_arp(now)
        found = rival_in(frame, own=self._network.bridge)
        if found is None:
            return Overheard()
        return Overheard(events=(self._rival(found[0], now),))

    def _conflict(self, seen: InUse, now: Moment) -> Overheard:
        address, mac = seen.address, seen.mac
        known = self._owners.get(address, frozenset())
        if address in self._labels:
            ours = mac in known or (address not in self._owners and mac in self._macs)
            if ours:
                return Overheard()
            changes = self._book.found_in_use(address, mac, now.monotonic)
            text = f"{self._labels[address]}, {address}, is used by another machine, {mac}"
            fix = "Switch that machine off, or give it another address"
            return Overheard(changes, (_finding(now, f"{text}. {fix}", mac),))
        held = self._book.holder_of(address, now.monotonic)
        if held is not None and held.hold is Hold.LEASE and held.mac != mac:
            text = f"{address} is leased to {held.mac}, but {mac} uses it too"
            return Overheard(events=(_finding(now, text, mac),))
        changes = self._book.found_in_use(address, mac, now.monotonic)
        if not changes:
            return Overheard()
        text = f"{address}, of the pool, is used by {mac} without a lease: it is given to nobody"
        return Overheard(changes, (_finding(now, text, mac),))

    def _proxy_arp(self, now: Moment) -> Overheard:
        new = self._probe.proxies - self._proxies
        if not new:
            return Overheard()
        self._proxies |= new
        return Overheard(
            events=tuple(
                _finding(
                    now,
                    f"{mac} answers ARP for addresses that it does not have (proxy ARP): whether "
                    "an address is in use cannot be seen here",
                    mac,
                )
                for mac in sorted(new)
            )
        )

    def _rival(self, rival: Rival, now: Moment) -> BootEvent:
        server = f"{rival.server_id or rival.address} (hardware address {rival.mac})"
        if self._network.proxy:
            return BootEvent(now.unix, "dhcp", f"the site's own DHCP server is {server}")
        text = (
            f"another DHCP server, {server}, answers machines on this network. Switch it off or "
            "unplug it; or let it give the addresses and the bridge only what to boot (proxy)"
        )
        return _finding(now, text, rival.mac)


def _finding(now: Moment, text: str, mac: Mac) -> BootEvent:
    return BootEvent(now.unix, "finding", text, mac)
