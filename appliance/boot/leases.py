"""The lease book: who holds which address. Pure: the time is an argument.

Keyed by MAC, never by client-id: firmware, iPXE, installer and system send different ids, and
cloned machines share one (harvester#9260, openSUSE/wicked#929, provisioners facts 6.21).

Every time here is of the monotonic clock, in seconds, so a step of the wall clock ends no lease
early and prolongs none. After a restart of the laptop, whose monotonic clock begins anew, a
stored lease runs its whole length again: too long costs an address, too short gives it to two.
"""

from __future__ import annotations

import heapq
import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address

from appliance.values import Mac

OFFER_SECONDS = 30.0
"""EDK2 collects offers for about 4 s before it asks for one (measured, OVMF 2022.11)."""

SET_ASIDE = 600.0
"""Seconds that a declined address, or one seen in use, is given to nobody: dnsmasq's value."""


_NEAR = 32
"""Steps from a MAC's own place in the pool that are searched for an address proven free."""

_REMEMBERED = 65536
"""MACs whose last address is remembered; forged ones must not fill the memory."""


class Hold(StrEnum):
    """Why an address is not free."""

    OFFER = "offer"
    LEASE = "lease"
    DECLINED = "declined"
    IN_USE = "in-use"


@dataclass(frozen=True, slots=True)
class Lease:
    """An address that is held until `ends` (monotonic seconds).

    `mac` is the holder's; with DECLINED, that of the machine which found the address in use by
    another; with IN_USE, that of the machine which was seen to use it without a lease.
    """

    address: IPv4Address
    mac: Mac
    hold: Hold
    ends: float
    length: float
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class LeaseChange:
    """What must be on disk before the reply leaves. `lease` is None when the address is free."""

    address: IPv4Address
    lease: Lease | None


class LeaseBook:
    """All holds on the addresses of one network. At most one MAC holds an address at any time.

    `reserved` gives the known machines' addresses by MAC; several cards of one machine may share
    one, and the first that asks has it. `excluded` are never given: the bridge's own, the
    gateway's, the VIP's.
    """

    def __init__(
        self,
        pool_first: IPv4Address,
        pool_last: IPv4Address,
        *,
        reserved: Mapping[Mac, IPv4Address] | None = None,
        excluded: Iterable[IPv4Address] = (),
    ) -> None:
        if pool_last < pool_first:
            raise ValueError(f"the pool ends at {pool_last}, before its begin {pool_first}")
        self._first = int(pool_first)
        self._size = int(pool_last) - self._first + 1
        self._excluded = frozenset(int(each) for each in excluded)
        self._by_address: dict[int, Lease] = {}
        self._leased: dict[Mac, Lease] = {}
        self._offered: dict[Mac, Lease] = {}
        self._former: dict[Mac, int] = {}
        self._endings: list[tuple[float, int]] = []
        self._queued: dict[int, float] = {}
        self._proven_free: dict[int, float] = {}
        self._reserved: dict[Mac, int] = {}
        self._reserved_addresses: frozenset[int] = frozenset()
        self._dynamic_size = self._dynamic_held = 0
        self.reserve(reserved or {})

    # ------------------------------------------------------------------ what is known

    def reserve(self, reserved: Mapping[Mac, IPv4Address]) -> None:
        """Set the known machines' addresses. Leases that stand against it are not renewed."""
        self._reserved = {mac: int(address) for mac, address in reserved.items()}
        self._reserved_addresses = frozenset(self._reserved.values())
        for number in self._reserved_addresses & self._proven_free.keys():
            del self._proven_free[number]
        self._dynamic_size = sum(1 for _ in self._dynamic())
        self._dynamic_held = sum(1 for number in self._by_address if self._is_dynamic(number))

    def reservation(self, mac: Mac) -> IPv4Address | None:
        """Give the address that is kept for this MAC."""
        number = self._reserved.get(mac)
        return None if number is None else IPv4Address(number)

    def lease_of(self, mac: Mac, now: float) -> Lease | None:
        """Give the lease this MAC holds at `now`; an offer is none."""
        held = self._leased.get(mac)
        return held if held is not None and held.ends > now else None

    def holder_of(self, address: IPv4Address, now: float) -> Lease | None:
        """Give what holds this address at `now`."""
        held = self._by_address.get(int(address))
        return held if held is not None and held.ends > now else None

    def leases(self, now: float) -> tuple[Lease, ...]:
        """Give all that is held at `now`, by address."""
        self._expire(now)
        return tuple(self._by_address[number] for number in sorted(self._by_address))

    def in_pool(self, address: IPv4Address) -> bool:
        """Tell whether this address may be given to anybody."""
        return self._is_dynamic(int(address))

    # ------------------------------------------------------------------ changes

    def propose(
        self, mac: Mac, now: float, *, requested: IPv4Address | None = None
    ) -> IPv4Address | None:
        """Choose an address for an offer and keep it for OFFER_SECONDS; None: none is free.

        In this order: the reservation, what the MAC holds, what it held last, what it asks for,
        then the place in the pool that its MAC hashes to, so that it comes out the same again
        after all leases were lost (dnsmasq's way). Addresses that a probe found free go first.
        """
        self._expire(now)
        number = self._choose(mac, requested)
        if number is None:
            return None
        address = IPv4Address(number)
        if number not in self._by_address or self._by_address[number].hold is not Hold.LEASE:
            self._put(Lease(address, mac, Hold.OFFER, now + OFFER_SECONDS, OFFER_SECONDS))
        return address

    def may_have(self, mac: Mac, address: IPv4Address, now: float) -> str:
        """Say why this MAC may not have this address; empty when it may."""
        self._expire(now)
        number = int(address)
        held = self._by_address.get(number)
        if held is not None and held.hold is Hold.DECLINED:
            return f"{address} was declined because another machine uses it"
        if held is not None and held.mac != mac:
            verb = "in use" if held.hold is Hold.IN_USE else "held"
            return f"{address} is {verb} by {held.mac}"
        reserved = self._reserved.get(mac)
        if reserved == number:
            return ""
        if number in self._reserved_addresses:
            return f"{address} is reserved for another machine"
        if reserved is not None and self._is_available(reserved, mac):
            return f"{IPv4Address(reserved)} is reserved for it"
        if not self._is_dynamic(number):
            return f"{address} is outside the pool"
        return ""

    def grant(
        self, mac: Mac, address: IPv4Address, now: float, *, length: float, hostname: str = ""
    ) -> tuple[LeaseChange, ...]:
        """Lease the address; the changes are for the disk. Another lease of this MAC ends.

        Raises ValueError when `may_have` gives a reason against it.
        """
        reason = self.may_have(mac, address, now)
        if reason:
            raise ValueError(reason)
        lease = Lease(address, mac, Hold.LEASE, now + length, length, hostname)
        former = self._leased.get(mac)
        self._put(lease)
        change = LeaseChange(address, lease)
        if former is not None and former.address != address:
            return (LeaseChange(former.address, None), change)
        return (change,)

    def release(self, mac: Mac, address: IPv4Address) -> tuple[LeaseChange, ...]:
        """Free an address, if this MAC holds it. It gets it again while nobody else needs it."""
        held = self._by_address.get(int(address))
        if held is None or held.mac != mac or held.hold is not Hold.LEASE:
            return ()
        self._drop(held)
        return (LeaseChange(address, None),)

    def drop_offer(self, mac: Mac) -> None:
        """Forget what was offered to this MAC: it took another server's offer."""
        offered = self._offered.get(mac)
        if offered is not None:
            self._drop(offered)

    def decline(self, mac: Mac, address: IPv4Address, now: float) -> tuple[LeaseChange, ...]:
        """Set an address aside that its holder found in use.

        Nothing happens when it is not the holder: no machine may talk another's address away.
        """
        held = self._by_address.get(int(address))
        if held is None or held.mac != mac or held.hold not in (Hold.OFFER, Hold.LEASE):
            return ()
        return self._set_aside(Lease(address, mac, Hold.DECLINED, now + SET_ASIDE, SET_ASIDE))

    def found_in_use(self, address: IPv4Address, by: Mac, now: float) -> tuple[LeaseChange, ...]:
        """Set an address aside that `by` was seen to use, unless somebody has a lease on it.

        Nobody but `by` is given it then. An offer of it to another is withdrawn.
        """
        self._expire(now)
        number = int(address)
        self._proven_free.pop(number, None)
        held = self._by_address.get(number)
        settled = held is not None and (held.mac == by or held.hold is not Hold.OFFER)
        foreign = number not in self._reserved_addresses and not self._is_dynamic(number)
        if settled or foreign or self._reserved.get(by) == number:
            return ()
        return self._set_aside(Lease(address, by, Hold.IN_USE, now + SET_ASIDE, SET_ASIDE))

    def found_free(self, address: IPv4Address, now: float) -> None:
        """Note that nobody answered a probe for this address at `now`."""
        number = int(address)
        if self._is_dynamic(number) and number not in self._by_address:
            self._proven_free[number] = now

    def proven_free(self, since: float) -> int:
        """Count the free addresses that were probed after `since`."""
        return sum(1 for at in self._proven_free.values() if at >= since)

    def to_probe(self, count: int, *, since: float) -> tuple[IPv4Address, ...]:
        """Give up to `count` free pool addresses that no probe found free after `since`."""
        chosen: list[IPv4Address] = []
        for number in self._dynamic():
            if len(chosen) == count:
                break
            if number not in self._by_address and self._proven_free.get(number, -math.inf) < since:
                chosen.append(IPv4Address(number))
        return tuple(chosen)

    def restore(self, leases: Iterable[Lease]) -> tuple[str, ...]:
        """Take leases from the disk; give a reason for each that no longer fits and was left."""
        refused: list[str] = []
        for lease in leases:
            number = int(lease.address)
            known = number in self._reserved_addresses or self._is_dynamic(number)
            if not known:
                refused.append(f"{lease.address} is neither reserved nor of the pool any more")
            elif number in self._by_address:
                refused.append(f"{lease.address} is held twice")
            elif lease.hold is Hold.LEASE and lease.mac in self._leased:
                refused.append(f"{lease.mac} holds a second address, {lease.address}")
            else:
                self._put(lease)
        return tuple(refused)

    # ------------------------------------------------------------------ inside

    def _choose(self, mac: Mac, requested: IPv4Address | None) -> int | None:
        reserved = self._reserved.get(mac)
        if reserved is not None and self._is_available(reserved, mac):
            return reserved
        for number in self._wished(mac, requested):
            if self._is_dynamic(number) and self._is_available(number, mac):
                return number
        return self._from_pool(mac)

    def _wished(self, mac: Mac, requested: IPv4Address | None) -> Iterator[int]:
        for held in (self._leased.get(mac), self._offered.get(mac)):
            if held is not None:
                yield int(held.address)
        if mac in self._former:
            yield self._former[mac]
        if requested is not None:
            yield int(requested)

    def _from_pool(self, mac: Mac) -> int | None:
        if self._dynamic_held >= self._dynamic_size:
            return None
        start = zlib.crc32(mac.to_bytes()) % self._size
        unproven = None
        for step in range(self._size):
            number = self._first + (start + step) % self._size
            if step == _NEAR:
                # Far from its own place, any proven address is as good as the next one.
                proven = next(iter(self._proven_free), unproven)
                if proven is not None:
                    return proven
            if number in self._by_address or not self._is_dynamic(number):
                continue
            if number in self._proven_free or step > _NEAR:
                return number
            if unproven is None:
                unproven = number
        return unproven

    def _dynamic(self) -> Iterator[int]:
        return filter(self._is_dynamic, range(self._first, self._first + self._size))

    def _is_dynamic(self, number: int) -> bool:
        return (
            0 <= number - self._first < self._size
            and number not in self._reserved_addresses
            and number not in self._excluded
        )

    def _is_available(self, number: int, mac: Mac) -> bool:
        held = self._by_address.get(number)
        return held is None or (held.mac == mac and held.hold is not Hold.DECLINED)

    def _set_aside(self, lease: Lease) -> tuple[LeaseChange, ...]:
        held = self._by_address.get(int(lease.address))
        if held is not None:
            self._drop(held)
            self._former.pop(held.mac, None)
        self._put(lease)
        return (LeaseChange(lease.address, lease),)

    def _put(self, lease: Lease) -> None:
        number = int(lease.address)
        if number not in self._by_address:
            self._dynamic_held += self._is_dynamic(number)
        self._by_address[number] = lease
        self._proven_free.pop(number, None)
        if lease.hold in (Hold.OFFER, Hold.LEASE):
            self._give_up_others(lease)
            self._remember(lease.mac, number)
        if lease.ends < self._queued.get(number, lease.ends + 1):
            self._queued[number] = lease.ends
            heapq.heappush(self._endings, (lease.ends, number))

    def _give_up_others(self, lease: Lease) -> None:
        # An offer leaves the MAC's lease alone: it may yet not take the offer.
        offered = self._offered.pop(lease.mac, None)
        if offered is not None and offered.address != lease.address:
            self._forget(offered)
        if lease.hold is Hold.OFFER:
            self._offered[lease.mac] = lease
            return
        leased = self._leased.get(lease.mac)
        if leased is not None and leased.address != lease.address:
            self._forget(leased)
        self._leased[lease.mac] = lease

    def _remember(self, mac: Mac, number: int) -> None:
        self._former[mac] = number
        if len(self._former) > _REMEMBERED:
            del self._former[next(iter(self._former))]

    def _drop(self, lease: Lease) -> None:
        self._forget(lease)
        for holders in (self._leased, self._offered):
            if holders.get(lease.mac) is lease:
                del holders[lease.mac]

    def _forget(self, lease: Lease) -> None:
        number = int(lease.address)
        del self._by_address[number]
        self._dynamic_held -= self._is_dynamic(number)

    def _expire(self, now: float) -> None:
        # An address is queued for its earliest possible end and put back when that has moved:
        # renewals add nothing, so the heap stays as small as the pool.
        while self._endings and self._endings[0][0] <= now:
            ends, number = heapq.heappop(self._endings)
            if self._queued.get(number) != ends:
                continue
            del self._queued[number]
            lease = self._by_address.get(number)
            if lease is not None and lease.ends <= now:
                self._drop(lease)
            elif lease is not None:
                self._queued[number] = lease.ends
                heapq.heappush(self._endings, (lease.ends, number))
