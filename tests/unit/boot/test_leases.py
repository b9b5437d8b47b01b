"""The lease book: who holds which address, whatever the order of events."""

# ruff: noqa: D102, D103 - the names of the rules and of the two makers say what they are.

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from appliance.boot.leases import OFFER_SECONDS, SET_ASIDE, Hold, Lease, LeaseBook
from appliance.values import Mac

FIRST, LAST = IPv4Address("10.20.0.100"), IPv4Address("10.20.0.109")
KNOWN, OTHER_CARD, STRANGER = Mac("525400000001"), Mac("525400000002"), Mac("525400000099")
RESERVED = IPv4Address("10.20.0.11")


def mac(number: int) -> Mac:
    return Mac(f"5254000a{number:04x}")


def new_book() -> LeaseBook:
    return LeaseBook(FIRST, LAST, reserved={KNOWN: RESERVED, OTHER_CARD: RESERVED})


def test_reservation_comes_first() -> None:
    """A known machine gets its own address, whatever it asks for."""
    book = new_book()
    assert "reserved" in book.may_have(STRANGER, RESERVED, 0)
    assert book.propose(KNOWN, 0, requested=FIRST) == RESERVED
    assert book.may_have(KNOWN, RESERVED, 0) == ""
    assert "held" in book.may_have(STRANGER, RESERVED, 0)


def test_second_card_of_a_machine_waits_for_the_shared_address() -> None:
    """Two cards share a reservation; the second gets a pool address while the first has it."""
    book = new_book()
    book.grant(KNOWN, RESERVED, 0, length=100)
    second = book.propose(OTHER_CARD, 1)
    assert second is not None
    assert FIRST <= second <= LAST
    assert book.may_have(OTHER_CARD, second, 1) == ""
    assert book.propose(OTHER_CARD, 101) == RESERVED


def test_address_is_stable_after_all_leases_are_lost() -> None:
    """The place in the pool follows from the MAC, so an empty book gives the same again."""
    assert new_book().propose(STRANGER, 0) == new_book().propose(STRANGER, 5000)


def test_address_comes_back_after_release_and_expiry() -> None:
    """A machine gets its last address again while nobody else took it."""
    book = new_book()
    address = book.propose(STRANGER, 0, requested=IPv4Address("10.20.0.107"))
    assert address == IPv4Address("10.20.0.107")
    book.grant(STRANGER, address, 0, length=50)
    assert [change.lease for change in book.release(STRANGER, address)] == [None]
    assert book.propose(STRANGER, 1) == address
    book.grant(STRANGER, address, 1, length=50)
    assert book.lease_of(STRANGER, 51) is None
    assert book.propose(STRANGER, 60) == address


def test_release_of_another_machines_address_changes_nothing() -> None:
    """Only the holder gives back; an offer is nothing to give back."""
    book = new_book()
    book.grant(STRANGER, FIRST, 0, length=50)
    assert book.release(KNOWN, FIRST) == ()
    assert book.lease_of(STRANGER, 1) is not None


def test_declined_address_rests() -> None:
    """DECLINE sets the address aside for all, its decliner too; then it is free again."""
    book = new_book()
    address = book.propose(STRANGER, 0)
    assert address is not None
    (change,) = book.decline(STRANGER, address, 1)
    assert change.lease is not None
    assert change.lease.hold is Hold.DECLINED
    assert "declined" in book.may_have(STRANGER, address, 2)
    assert book.propose(STRANGER, 2) != address
    assert book.may_have(mac(1), address, 2 + SET_ASIDE) == ""


def test_nobody_declines_for_another() -> None:
    """An address that a MAC was never given cannot be talked away by it."""
    book = new_book()
    book.grant(STRANGER, FIRST, 0, length=50)
    assert book.decline(mac(7), FIRST, 1) == ()
    assert book.decline(mac(7), LAST, 1) == ()


def test_declined_reservation_falls_back_to_the_pool() -> None:
    """A machine whose own address is taken still boots, from the pool; and returns later."""
    book = new_book()
    book.propose(KNOWN, 0)
    book.decline(KNOWN, RESERVED, 1)
    fallback = book.propose(KNOWN, 2)
    assert fallback is not None
    assert FIRST <= fallback <= LAST
    assert book.may_have(KNOWN, fallback, 2) == ""
    book.grant(KNOWN, fallback, 2, length=10_000)
    assert "reserved for it" in book.may_have(KNOWN, fallback, 2 + SET_ASIDE)


def test_approved_stranger_is_moved_to_its_own_address() -> None:
    """Once it is known, its pool address is refused and its reservation offered."""
    book = new_book()
    address = book.propose(STRANGER, 0)
    assert address is not None
    book.grant(STRANGER, address, 0, length=120)
    own = IPv4Address("10.20.0.12")
    book.reserve({KNOWN: RESERVED, STRANGER: own})
    assert "reserved for it" in book.may_have(STRANGER, address, 10)
    assert book.propose(STRANGER, 10) == own
    changes = book.grant(STRANGER, own, 11, length=1000)
    assert [(each.address, each.lease is None) for each in changes] == [
        (address, True),
        (own, False),
    ]


def test_offer_leaves_the_present_lease_alone() -> None:
    """A machine that is offered a new address keeps its lease until it takes the offer."""
    book = new_book()
    book.grant(STRANGER, FIRST, 0, length=1000)
    book.reserve({STRANGER: RESERVED})
    assert book.propose(STRANGER, 1) == RESERVED
    assert book.holder_of(FIRST, 1 + OFFER_SECONDS) is not None
    assert book.holder_of(RESERVED, 1 + OFFER_SECONDS) is None


def test_dropped_offer_frees_its_address() -> None:
    """A client that took another server's offer leaves nothing behind here."""
    book = new_book()
    address = book.propose(STRANGER, 0)
    assert address is not None
    book.drop_offer(STRANGER)
    assert book.holder_of(address, 1) is None


def test_exhausted_pool_gives_none_until_something_ends() -> None:
    """Ten addresses serve ten; the eleventh waits for the first offer to run out."""
    book = new_book()
    given = [book.propose(mac(number), 0) for number in range(10)]
    assert len(set(given)) == 10
    assert None not in given
    assert book.propose(mac(11), 1) is None
    assert book.propose(mac(11), OFFER_SECONDS) is not None


def test_released_long_lease_does_not_keep_a_later_offer() -> None:
    """What ended early and was given again for shorter ends when it should."""
    book = new_book()
    book.grant(STRANGER, FIRST, 0, length=100_000)
    book.release(STRANGER, FIRST)
    assert book.propose(STRANGER, 1) == FIRST
    assert [book.propose(mac(number), 2) is None for number in range(10)] == [False] * 9 + [True]
    assert FIRST in {book.propose(mac(number), 2 + OFFER_SECONDS) for number in range(20, 30)}


def test_fixed_addresses_are_never_given() -> None:
    """The bridge's address and reservations inside the pool's bounds are not of the pool."""
    book = LeaseBook(FIRST, LAST, reserved={KNOWN: FIRST}, excluded=[LAST])
    given = {book.propose(mac(number), 0) for number in range(9)}
    assert given - {None} == {FIRST + number for number in range(1, 9)}
    assert None in given


def test_proven_addresses_go_first() -> None:
    """Among free addresses, one that a probe found free is offered."""
    book = new_book()
    book.found_free(LAST, 0)
    assert book.propose(STRANGER, 1) == LAST
    assert book.proven_free(0) == 0


def test_proven_address_far_from_the_own_place_is_found() -> None:
    """In a large pool the search does not walk to a far proven address."""
    book = LeaseBook(IPv4Address("10.30.0.1"), IPv4Address("10.30.200.1"))
    proven = IPv4Address("10.30.99.9")
    book.found_free(proven, 0)
    offered = {book.propose(mac(number), 1) for number in range(5)}
    assert proven in offered
    assert len(offered) == 5


def test_address_seen_in_use_is_given_to_its_user_alone() -> None:
    """Somebody sits on a pool address without a lease: others do not get it, he may."""
    book = new_book()
    book.found_free(FIRST, 0)
    (change,) = book.found_in_use(FIRST, mac(3), 1)
    assert change.lease is not None
    assert change.lease.hold is Hold.IN_USE
    assert "in use" in book.may_have(STRANGER, FIRST, 2)
    assert book.may_have(mac(3), FIRST, 2) == ""
    assert book.found_in_use(IPv4Address("10.20.0.1"), mac(3), 1) == ()
    assert book.found_in_use(RESERVED, KNOWN, 1) == ()


def test_answer_to_a_probe_withdraws_an_offer_but_no_lease() -> None:
    """An offer of an address that turns out to be in use is not honoured; a lease stands."""
    book = new_book()
    offered = book.propose(STRANGER, 0)
    assert offered is not None
    assert book.found_in_use(offered, mac(3), 1)
    assert book.may_have(STRANGER, offered, 2)
    leased = book.propose(STRANGER, 2)
    assert leased is not None
    book.grant(STRANGER, leased, 2, length=100)
    assert book.found_in_use(leased, mac(3), 3) == ()


def test_to_probe_lists_free_addresses_without_a_fresh_proof() -> None:
    """What is held, or was proven lately, need not be probed."""
    book = new_book()
    book.found_free(FIRST, 100)
    book.grant(STRANGER, FIRST + 1, 100, length=1000)
    assert book.to_probe(3, since=50) == (FIRST + 2, FIRST + 3, FIRST + 4)
    assert book.to_probe(1, since=200) == (FIRST,)
    assert len(book.to_probe(99, since=50)) == 8


def test_restore_leaves_what_does_not_fit() -> None:
    """After the pool moved, or with a damaged file, only what is coherent is taken."""
    book = new_book()
    good = Lease(FIRST, STRANGER, Hold.LEASE, 500, 500)
    refused = book.restore(
        [
            good,
            Lease(FIRST, mac(1), Hold.LEASE, 500, 500),
            Lease(FIRST + 1, STRANGER, Hold.LEASE, 500, 500),
            Lease(IPv4Address("192.0.2.1"), mac(2), Hold.LEASE, 500, 500),
            Lease(FIRST + 2, mac(3), Hold.DECLINED, 500, 500),
        ]
    )
    assert len(refused) == 3
    assert [each.address for each in book.leases(1)] == [FIRST, FIRST + 2]
    assert book.lease_of(STRANGER, 1) is good


def test_pool_must_not_end_before_its_begin() -> None:
    """A pool the wrong way round is a fault of the caller."""
    with pytest.raises(ValueError, match="before its begin"):
        LeaseBook(LAST, FIRST)


MACS = st.sampled_from([KNOWN, OTHER_CARD, STRANGER, *(mac(number) for number in range(8))])
ADDRESSES = st.sampled_from([RESERVED, *(FIRST + step for step in range(-1, 11))])


class Book(RuleBasedStateMachine):
    """Whatever happens in whatever order, no address is two machines'."""

    @initialize()
    def begin(self) -> None:
        self.book = new_book()
        self.now = 0.0
        self.granted: dict[IPv4Address, tuple[Mac, float]] = {}

    @rule(seconds=st.sampled_from([0.5, 29, 31, 130, 700]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(who=MACS, wish=st.none() | ADDRESSES)
    def discover(self, who: Mac, wish: IPv4Address | None) -> None:
        offered = self.book.propose(who, self.now, requested=wish)
        if offered is not None:
            holder = self.granted.get(offered)
            assert holder is None or holder[0] == who or holder[1] <= self.now
            assert self.book.may_have(who, offered, self.now) == ""

    @rule(who=MACS, address=ADDRESSES, length=st.sampled_from([60, 120, 5000]))
    def request(self, who: Mac, address: IPv4Address, length: int) -> None:
        if self.book.may_have(who, address, self.now):
            with pytest.raises(ValueError, match="10"):
                self.book.grant(who, address, self.now, length=length)
            return
        holder = self.granted.get(address)
        assert holder is None or holder[0] == who or holder[1] <= self.now
        for change in self.book.grant(who, address, self.now, length=length):
            self.granted.pop(change.address, None)
            if change.lease is not None:
                self.granted[change.address] = (change.lease.mac, change.lease.ends)

    @rule(who=MACS, address=ADDRESSES)
    def release(self, who: Mac, address: IPv4Address) -> None:
        for change in self.book.release(who, address):
            assert self.granted.pop(change.address)[0] == who

    @rule(who=MACS, address=ADDRESSES)
    def decline(self, who: Mac, address: IPv4Address) -> None:
        for change in self.book.decline(who, address, self.now):
            self.granted.pop(change.address, None)

    @rule(who=MACS, address=ADDRESSES)
    def probe_answered(self, who: Mac, address: IPv4Address) -> None:
        self.book.found_in_use(address, who, self.now)

    @rule(address=ADDRESSES)
    def probe_silent(self, address: IPv4Address) -> None:
        self.book.found_free(address, self.now)

    @rule(known=st.booleans())
    def approve(self, known: bool) -> None:  # noqa: FBT001 (a drawn value)
        more = {STRANGER: FIRST + 3} if known else {}
        self.book.reserve({KNOWN: RESERVED, OTHER_CARD: RESERVED, **more})

    @rule()
    def restart(self) -> None:
        kept = [each for each in self.book.leases(self.now) if each.hold is not Hold.OFFER]
        self.book = new_book()
        assert self.book.restore(kept) == ()

    @invariant()
    def one_holder_each(self) -> None:
        held = self.book.leases(self.now)
        assert len({each.address for each in held}) == len(held)
        leased = [each.mac for each in held if each.hold is Hold.LEASE]
        assert len(set(leased)) == len(leased)
        for address, (who, ends) in self.granted.items():
            if ends > self.now:
                holder = self.book.holder_of(address, self.now)
                assert holder is not None
                assert holder.mac == who
        free = self.book._dynamic_size - self.book._dynamic_held
        assert 0 <= free <= 10


Book.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestBook = Book.TestCase
