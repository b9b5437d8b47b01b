"""The pool's addresses are probed by ARP ahead of time, so that no answer ever waits for a probe.

dnsmasq's ping before each offer made twelve machines wait 19 s (measured). Here a stock of
addresses is kept of which it is known that nobody answered for them. Pure: frames come in and
go out as bytes, the time as an argument (monotonic seconds).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.values import Mac
from appliance.wire import arp

PROBES = 2
SPACING = 0.4
"""Seconds between probes of one address, and from the last one to the verdict. A host on the
same wire answers within milliseconds; a sleeping laptop's card takes some tenths."""

STOCK = 64
FRESH = 600.0
"""Seconds for which a probe's silence is believed."""

PROXY_ARP = 8
"""Who answers for more addresses than this is a router doing proxy ARP, not their user."""


@dataclass(slots=True)
class _Probe:
    sent: int
    due: float


@dataclass(frozen=True, slots=True)
class InUse:
    """A machine uses an address. `probed`: it answered our probe; else it was overheard."""

    address: IPv4Address
    mac: Mac
    probed: bool


class PoolProbe:
    """Which addresses are being probed, and who was seen to use which."""

    def __init__(self, own: Mac) -> None:
        self._own = own
        self._probes: dict[IPv4Address, _Probe] = {}
        self._answers: dict[Mac, set[IPv4Address]] = {}
        self.proxies: set[Mac] = set()

    @property
    def outstanding(self) -> int:
        """How many addresses are being probed now."""
        return len(self._probes)

    def begin(self, addresses: Iterable[IPv4Address], now: float) -> None:
        """Have these addresses probed from `now` on."""
        for address in addresses:
            self._probes.setdefault(address, _Probe(0, now))

    def due(self, now: float) -> tuple[tuple[bytes, ...], tuple[IPv4Address, ...]]:
        """Give the frames to send now, and the addresses that nobody answered for."""
        frames: list[bytes] = []
        free: list[IPv4Address] = []
        for address, probe in list(self._probes.items()):
            if probe.due > now:
                continue
            if probe.sent == PROBES:
                del self._probes[address]
                free.append(address)
                continue
            frames.append(arp.probe(self._own, address))
            probe.sent, probe.due = probe.sent + 1, now + SPACING
        return tuple(frames), tuple(free)

    def heard(self, message: arp.Arp) -> InUse | None:
        """Take an ARP message; give what it shows of an address, if anything.

        Any message shows that its sender uses its sender address; a probe by another (sender
        0.0.0.0) shows nothing. Answers by a router for many addresses show nothing either.
        """
        address, mac = message.sender, message.sender_mac
        if not int(address) or mac == self._own:
            return None
        if mac in self.proxies or (address in self._probes and self._is_proxy(mac, address)):
            return None
        probed = self._probes.pop(address, None) is not None
        return InUse(address, mac, probed)

    def _is_proxy(self, mac: Mac, address: IPv4Address) -> bool:
        answered = self._answers.setdefault(mac, set())
        answered.add(address)
        if len(answered) > PROXY_ARP:
            self.proxies.add(mac)
        if len(self._answers) > 4096:
            self._answers.clear()
        return mac in self.proxies
