"""Whose turn, whose token, how often, how many: the rules of machines that show themselves."""

from __future__ import annotations

import pytest

from appliance.boot.control import Order
from appliance.boot.discoveries import (
    MAX_MACS,
    ORDER_SECONDS,
    REPORT_SECONDS,
    SILENT_SECONDS,
    Discoveries,
    Visit,
)
from appliance.boot.model import OrderKind
from appliance.boot.tokens import Refusal, Refused
from appliance.values import Mac
from tests.unit.boot.boot_world import HV1, HV2

STRANGER = Mac("5254000000ff")


@pytest.fixture
def visits() -> Discoveries:
    """Nobody called yet; hv1 is of the site."""
    return Discoveries(lambda mac: mac == HV1)


def card(number: int) -> Mac:
    """Give one of many strangers."""
    return Mac(f"5255{number:08x}")


def visit_of(visits: Discoveries, token: str) -> Visit:
    """Find what must be there."""
    found = visits.of_token(token)
    assert isinstance(found, Visit)
    return found


def refusal_of(found: Visit | Refused | None) -> Refusal:
    """Read what must be a refusal."""
    assert isinstance(found, Refused)
    assert found.reason
    return found.refusal


def test_stage1_and_ipxe_take_turns_until_stage1_calls(visits: Discoveries) -> None:
    """A firmware that comes back without a word could not start what it was given."""
    turns = []
    for _ in range(4):
        visits.boots(STRANGER, firmware=True)
        turns.append(visits.is_direct(STRANGER))
        visits.pointed(STRANGER, 1.0)
    assert turns == [True, False, True, False]

    assert visits.call("a", STRANGER, 2.0) is None
    visits.boots(STRANGER, firmware=True)
    assert not visits.is_direct(STRANGER), "what led to stage-1 is what it is given again"


def test_only_a_firmware_that_was_answered_loses_its_turn(visits: Discoveries) -> None:
    """Firmware repeats its DISCOVER, and iPXE sends its own in the same boot."""
    for _ in range(5):
        visits.boots(STRANGER, firmware=True)
    assert visits.is_direct(STRANGER)
    visits.pointed(STRANGER, 1.0)
    visits.boots(STRANGER, firmware=False)
    assert visits.is_direct(STRANGER)


def test_a_token_ends_when_its_machine_boots_again_or_calls_again(visits: Discoveries) -> None:
    """One card has one token."""
    visits.call("first", STRANGER, 1.0)
    visits.call("second", STRANGER, 2.0)
    assert refusal_of(visits.of_token("first")) is Refusal.UNKNOWN
    assert visit_of(visits, "second").mac == STRANGER

    visits.boots(STRANGER, firmware=True)
    assert refusal_of(visits.of_token("second")) is Refusal.ENDED
    visits.call("third", STRANGER, 3.0)
    assert visit_of(visits, "third").mac == STRANGER
    assert refusal_of(visits.of_token("")) is Refusal.UNKNOWN


def test_one_report_in_so_many_seconds_is_read(visits: Discoveries) -> None:
    """Whatever a machine sends, reading it costs no more."""
    visits.call("a", STRANGER, 100.0)
    visit = visit_of(visits, "a")
    assert visits.may_report(visit, 100.0) is None
    assert refusal_of(visits.may_report(visit, 100.0 + REPORT_SECONDS - 0.1)) is Refusal.TOO_SOON
    assert visits.may_report(visit, 100.0 + REPORT_SECONDS) is None


def test_the_same_facts_are_no_news(visits: Discoveries) -> None:
    """Not even under a new token; other facts are, and so are the first ones again."""
    visits.call("a", STRANGER, 1.0)
    assert [visits.is_news(visit_of(visits, "a"), facts) for facts in (b"x", b"x")] == [True, False]
    visits.call("b", STRANGER, 2.0)
    visit = visit_of(visits, "b")
    assert [visits.is_news(visit, facts) for facts in (b"x", b"y", b"x")] == [False, True, True]


def test_an_order_is_given_once_and_not_late(visits: Discoveries) -> None:
    """To the card it is for; a later order replaces one that was not fetched."""
    visits.call("a", STRANGER, 0.0)
    visit = visit_of(visits, "a")
    blink = Order(STRANGER, OrderKind.BLINK, 30)
    visits.order(Order(STRANGER, OrderKind.REBOOT), 10.0)
    visits.order(blink, 11.0)
    visits.order(Order(HV2, OrderKind.POWER_OFF), 11.0)
    assert [visits.take_order(visit, 12.0), visits.take_order(visit, 13.0)] == [blink, None]

    visits.order(blink, 20.0)
    assert visits.take_order(visit, 20.0 + ORDER_SECONDS) is None


def test_orders_that_nobody_fetches_are_bounded(visits: Discoveries) -> None:
    """The oldest goes."""
    for number in range(MAX_MACS + 1):
        visits.order(Order(card(number), OrderKind.BLINK), 0.0)
    for number, kept in ((0, False), (1, True), (MAX_MACS, True)):
        visits.call("a", card(number), 1.0)
        assert (visits.take_order(visit_of(visits, "a"), 1.0) is not None) is kept


def test_600_cards_that_all_call(visits: Discoveries) -> None:
    """512 are looked at; the others are told so, and a machine of the site has room."""
    answers = [visits.call(f"token-{number}", card(number), 1.0) for number in range(600)]
    assert [each is None for each in answers].index(False) == MAX_MACS == len(visits)
    assert {refusal_of(each) for each in answers[MAX_MACS:]} == {Refusal.FULL}

    assert visits.call("ours", HV1, 2.0) is None
    assert len(visits) == MAX_MACS
    assert visit_of(visits, "ours").mac == HV1
    assert refusal_of(visits.of_token("token-0")) is Refusal.UNKNOWN


def test_who_has_fallen_silent_makes_room(visits: Discoveries) -> None:
    """The longest silent stranger; one that still asks stays."""
    for number in range(MAX_MACS):
        visits.call(f"token-{number}", card(number), 1.0)
    visits.take_order(visit_of(visits, "token-0"), SILENT_SECONDS)
    assert visits.call("late", card(600), 1.0 + SILENT_SECONDS) is None
    assert visit_of(visits, "token-0").mac == card(0)
    assert refusal_of(visits.of_token("token-1")) is Refusal.UNKNOWN


def test_made_up_cards_that_only_boot_push_nobody_out(visits: Discoveries) -> None:
    """They make room for each other, and for one whose stage-1 calls."""
    visits.call("a", STRANGER, 0.0)
    visits.call("b", HV1, 0.0)
    for number in range(3 * MAX_MACS):
        visits.pointed(card(number), 1000.0 + number)
    assert len(visits) == MAX_MACS
    assert visit_of(visits, "a").mac == STRANGER
    assert visits.call("c", HV2, 5000.0) is None
    assert visit_of(visits, "b").mac == HV1
