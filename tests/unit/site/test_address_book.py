"""Addresses of one network: kept, given, and the pool beside them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.site.address_book import MAX_POOL, AddressBook, NoRoomError, free_pool
from appliance.site.plan import AddressRange

SMALL = IPv4Network("10.0.0.0/28")
POOL = AddressRange(IPv4Address("10.0.0.4"), IPv4Address("10.0.0.11"))


def at(number: int) -> IPv4Address:
    """Give an address of the small network."""
    return SMALL.network_address + number


def test_the_lowest_free_address_is_given() -> None:
    """Past what is taken and past the pool, and each only once."""
    book = AddressBook(SMALL, POOL, {at(2)})
    assert [book.lowest(2), book.lowest(2), book.lowest(2)] == [at(3), at(12), at(13)]


def test_below_the_start_is_better_than_nothing() -> None:
    """When nothing is left above, the first addresses are given."""
    book = AddressBook(SMALL, POOL, {at(12), at(13), at(14)})
    assert book.lowest(12) == at(1)


def test_no_room() -> None:
    """Network, broadcast and pool are never given."""
    book = AddressBook(SMALL, POOL)
    assert [book.lowest(1) for _ in range(6)] == [at(n) for n in (1, 2, 3, 12, 13, 14)]
    with pytest.raises(NoRoomError):
        book.lowest(1)


def test_what_may_be_kept() -> None:
    """Not what is taken, in the pool, of another network, or nothing."""
    book = AddressBook(SMALL, POOL, {at(1)})
    assert book.keep(at(2)) == at(2)
    assert book.keep(at(2)) is None
    assert book.keep(at(1)) is None
    assert book.keep(at(5)) is None
    assert book.keep(IPv4Address("10.9.9.9")) is None
    assert book.keep(None) is None


@pytest.mark.parametrize(
    ("taken", "pool"),
    [
        ([], "10.0.0.12 to 10.0.0.14"),
        ([12], "10.0.0.13 to 10.0.0.14"),
        ([13], "10.0.0.12 to 10.0.0.12"),
        ([1, 2, 14], "10.0.0.12 to 10.0.0.13"),
    ],
)
def test_the_pool_is_the_longest_free_run(taken: list[int], pool: str) -> None:
    """In the last quarter of the network; of equals the first."""
    assert str(free_pool(SMALL, {at(number) for number in taken})) == pool


def test_a_last_quarter_without_a_free_address() -> None:
    """There is no pool then."""
    with pytest.raises(NoRoomError):
        free_pool(SMALL, {at(12), at(13), at(14)})


@given(st.integers(8, 28), st.sets(st.integers(1, 254), max_size=40))
def test_a_pool_is_free_and_inside(prefix: int, taken: set[int]) -> None:
    """Whatever is taken."""
    cidr = IPv4Network(f"10.0.0.0/{prefix}")
    addresses = {cidr.broadcast_address - number for number in taken}
    try:
        pool = free_pool(cidr, addresses)
    except NoRoomError:
        assert cidr.num_addresses // 4 <= len(taken) + 1
        return
    assert cidr.network_address < pool.first <= pool.last < cidr.broadcast_address
    assert not any(address in pool for address in addresses)
    assert int(pool.last) - int(pool.first) < MAX_POOL
