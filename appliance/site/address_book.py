"""Who has which address of one network, and which is the next free one. Pure counting."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network

from appliance.site.plan import AddressRange

MAX_POOL = 1024
"""Addresses: as many strangers as one broadcast domain bears."""


class NoRoomError(Exception):
    """A network has no address left."""


class AddressBook:
    """The fixed addresses of one network. It grows with each that is kept or given."""

    def __init__(
        self, cidr: IPv4Network, pool: AddressRange, taken: Iterable[IPv4Address] = ()
    ) -> None:
        self.cidr = cidr
        self.pool = pool
        self._taken = set(taken)

    def keep(self, address: IPv4Address | None) -> IPv4Address | None:
        """Take an address up again, if it may still be had; else give None."""
        if address is None or address in self._taken or address in self.pool:
            return None
        if address not in self.cidr:
            return None
        self._taken.add(address)
        return address

    def lowest(self, start: int) -> IPv4Address:
        """Give the lowest free host address from the network's `start`th, or else from its first.

        Raises NoRoomError where there is none.
        """
        for begin in {start: None, 1: None}:
            address = self._free_from(self.cidr.network_address + begin)
            if address is not None:
                self._taken.add(address)
                return address
        raise NoRoomError

    def _free_from(self, address: IPv4Address) -> IPv4Address | None:
        while address < self.cidr.broadcast_address:
            if address in self.pool:
                address = self.pool.last + 1
            elif address in self._taken:
                address += 1
            else:
                return address
        return None


def free_pool(cidr: IPv4Network, taken: Iterable[IPv4Address]) -> AddressRange:
    """Find the longest free run in the last quarter of a network; of equals the first.

    Raises NoRoomError where every address there is taken.
    """
    end = int(cidr.broadcast_address)
    first = end + 1 - min(cidr.num_addresses // 4, MAX_POOL)
    cuts = sorted({int(each) for each in taken if first <= int(each) < end})
    runs: list[tuple[int, int]] = []
    for cut in (*cuts, end):
        runs.append((first, cut - 1))
        first = cut + 1
    best = max(runs, key=lambda run: (run[1] - run[0], -run[0]))
    if best[1] < best[0]:
        raise NoRoomError
    return AddressRange(IPv4Address(best[0]), IPv4Address(best[1]))
