"""Who is who: never two for one, never by the order they came in, never by what a liar says."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.discover.match import Bound, Code, Found, Matching, Wanted, match
from appliance.discover.report import Nic, Report
from appliance.site.plan import DiskPlan, MatchRule
from appliance.values import Mac
from tests.reports import card, disk, found, full, report, wanted

DISK = "/dev/disk/by-id/nvme-PM9A3_S{}"


def told_by(number: int = 1, **rule: Any) -> Wanted:
    """Give machine `hv<number>` told by this."""
    return wanted(number, match=MatchRule(**rule))


def codes(matching: Matching, key: str | Mac) -> set[Code]:
    """Give the codes of what speaks against a name or a card."""
    return {each.code for each in matching.refused.get(str(key), ())}


def words(matching: Matching, key: str | Mac) -> str:
    """Give all that is said against a name or a card."""
    return "; ".join(str(each) for each in matching.refused.get(str(key), ()))


def test_a_machine_is_bound() -> None:
    """To the card that it reported by, its other cards, and the path of its disk."""
    matching = match([wanted()], [found()])

    assert matching == Matching(
        bound={"hv1": Bound(card(1), (card(1), card(1, 1)), DISK.format(1))},
        matched={"hv1": card(1)},
    )


@pytest.mark.parametrize(
    "rule",
    [
        {"macs": (card(1),)},
        {"macs": (card(1, 1), card(9))},
        {"serial": "serial1 "},
        {"uuid": report(1).uuid},
        {"vendor": "dell", "product": "R650"},
        {"serial": "SERIAL1", "uuid": report(1).uuid, "macs": (card(1),), "product": "poweredge"},
    ],
)
def test_what_tells_a_machine(rule: dict[str, Any]) -> None:
    """All that is given must hold, in any case, of vendor and product a part."""
    assert match([told_by(**rule)], [found()]).matched == {"hv1": card(1)}
    other = found(2, product="X11")
    if "vendor" not in rule:
        assert match([told_by(**rule)], [found(), other]).matched == {"hv1": card(1)}


@pytest.mark.parametrize(
    "rule",
    [{}, {"serial": "SERIAL9"}, {"vendor": "HPE"}, {"serial": "0"}, {"uuid": UUID(int=0)}],
)
def test_what_tells_it_not(rule: dict[str, Any]) -> None:
    """Nobody is the machine of an empty rule, or of one that vendors' junk would fulfil."""
    each = found(serial="0", uuid=UUID(int=0))
    matching = match([told_by(**rule)], [each])

    assert not matching.matched
    assert not matching.bound
    assert matching.unknown == (card(1),)


def test_an_unknown_machine_is_listed() -> None:
    """With its cards, so that people can choose."""
    matching = match([wanted(1)], [found(2), found(3)])

    assert matching.unknown == (card(2), card(3))
    assert matching.refused == {}


def test_an_identifier_that_contradicts_another() -> None:
    """A replaced board, or a number typed wrongly: said with both, and bound to nobody."""
    one = told_by(macs=(card(1),), serial="SERIAL9")
    matching = match([one], [found()])

    assert matching.bound == {}
    assert codes(matching, "hv1") == {Code.CONTRADICTION}
    said = words(matching, "hv1")
    assert f"the machine with the card {card(1)} is hv1 only in part" in said
    assert "wanted MAC" in said
    assert "serial number SERIAL9" in said
    assert "it reports MAC" in said
    assert "provision identify SITE MAC hv1" in said


def test_a_machine_that_fits_wholly_stands_above_one_that_fits_in_part() -> None:
    """Boxes whose UUIDs a cloned firmware image made alike are told by their serials."""
    one = told_by(uuid=report(1).uuid, macs=(card(1),))
    half = found(2, uuid=report(1).uuid)

    matching = match([one], [half, found(1)])

    assert matching.matched == {"hv1": card(1)}
    assert matching.refused == {}
    assert {each.code for each in matching.told["hv1"]} == {Code.DUPLICATE}


def test_a_lie_refuses_both() -> None:
    """A report that claims another machine's serial number, while that has reported too."""
    liar = found(7, serial="SERIAL1")
    matching = match([wanted(1)], [found(1), liar])

    assert not matching.matched
    assert not matching.bound
    for key in ("hv1", card(1), card(7)):
        assert codes(matching, key) == {Code.TWO_REPORTS}
    said = words(matching, "hv1")
    assert f"2 machines report to be hv1 (serial number SERIAL1): {card(1)}, {card(7)}" in said
    assert "switch off the one that is not" in said


@pytest.mark.parametrize("identifier", ["serial", "uuid", "nics", "board_serial"])
def test_every_kind_of_lie_refuses_both(identifier: str) -> None:
    """Serial number, UUID, a card among its own, the board's number."""
    true = found(1) if identifier != "board_serial" else found(1, serial="0", board_serial="B1")
    rules: dict[str, dict[str, Any]] = {
        "serial": {"serial": "SERIAL1"},
        "uuid": {"uuid": report(1).uuid},
        "nics": {"macs": (card(1),)},
        "board_serial": {"serial": "B1"},
    }
    claim: dict[str, Any] = {
        "serial": {"serial": "SERIAL1"},
        "uuid": {"uuid": report(1).uuid},
        "nics": {"nics": (*report(7).nics, *report(1).nics)},
        "board_serial": {"serial": "b1"},
    }
    liar = found(7, **claim[identifier])

    matching = match([told_by(**rules[identifier])], [liar, true])

    assert matching.bound == {}
    assert codes(matching, "hv1") == {Code.TWO_REPORTS}
    assert codes(matching, card(1)) == codes(matching, card(7)) == {Code.TWO_REPORTS}


def test_a_card_that_is_only_named_binds_nobody() -> None:
    """A liar's report would choose the disk of the machine whose card it names."""
    liar = found(7, nics=(*report(7).nics, *report(1).nics))
    one = told_by(macs=(card(1),))
    matching = match([one], [liar])

    assert not matching.bound
    assert codes(matching, "hv1") == {Code.CONTRADICTION}
    assert f"hv1 is told by its card {card(1)}, and the report naming that" in words(
        matching, "hv1"
    )
    assert f"provision identify SITE {card(7)} hv1" in words(matching, "hv1")
    assert set(match([one], [found(1)]).bound) == {"hv1"}


@pytest.mark.parametrize("rule", [{"serial": "SERIAL1"}, {"product": "R650"}])
def test_a_rival_of_one_that_was_found_holds_both(rule: dict[str, Any]) -> None:
    """The first to come was not the one, or is the second of its kind: people say which."""
    one = told_by(macs=(card(7),))
    one = replace(one, said=MatchRule(**rule))
    first = found(7, serial="SERIAL1")
    assert set(match([one], [first]).bound) == {"hv1"}

    matching = match([one], [first, found(1)])

    assert not matching.bound
    for key in ("hv1", card(1), card(7)):
        assert codes(matching, key) == {Code.TWO_REPORTS}
    assert f"hv1 was found as the machine with the card {card(7)}" in words(matching, "hv1")
    assert codes(match([one], [found(1)]), "hv1") == {Code.TWO_REPORTS}


def test_another_machine_of_the_site_is_no_rival() -> None:
    """hv2 is of the same kind, and is told by its own serial number."""
    one = replace(told_by(macs=(card(1),)), said=MatchRule(product="R650"))

    assert set(match([one, wanted(2)], [found(1), found(2)]).bound) == {"hv1", "hv2"}


def test_a_lie_does_not_harm_who_is_told_by_something_else_as_well() -> None:
    """A card is held by the address it speaks from; the serial number is only told as shared."""
    one = told_by(macs=(card(1),), serial="SERIAL1")
    liar = found(7, serial="SERIAL1")

    matching = match([one], [liar, found(1)])

    assert matching.bound["hv1"].mac == card(1)
    assert {each.code for each in matching.told["hv1"]} == {Code.DUPLICATE}


def test_a_shared_serial_number_leaves_who_is_told_otherwise_alone() -> None:
    """hv1 is known by its card; hv2, by the number both boxes bear, is nobody."""
    pair = [found(1, serial="X1"), found(2, serial="X1")]
    matching = match([told_by(1, macs=(card(1),)), told_by(2, serial="X1")], pair)

    assert set(matching.bound) == {"hv1"}
    assert codes(matching, "hv2") == {Code.TWO_REPORTS}
    assert codes(matching, card(2)) == {Code.TWO_REPORTS}
    assert codes(matching, card(1)) == set()


def test_a_report_that_is_two_machines_is_neither() -> None:
    """hv1 by its card, hv2 by its serial number: the file or the boxes are mixed up."""
    matching = match([told_by(1, macs=(card(1),)), told_by(2, serial="SERIAL1")], [found(1)])

    assert not matching.matched
    assert not matching.bound
    for key in ("hv1", "hv2", card(1)):
        assert codes(matching, key) == {Code.TWO_MACHINES}
    assert f"the machine with the card {card(1)} is hv1 and hv2" in words(matching, "hv1")
    assert matching.unknown == ()


def test_a_report_from_an_address_that_is_not_its_own() -> None:
    """It came by a card that it does not name."""
    matching = match([wanted(1)], [replace(found(1), mac=card(9))])

    assert matching.bound == {}
    assert codes(matching, card(9)) == {Code.ODD_REPORT}
    assert matching.unknown == (card(9),)


def test_a_machine_that_reported_by_two_cards_is_one() -> None:
    """Its newest report counts, by our clock, whatever its own says."""
    old = found(1, at=100.0, clock=9e9, disks=())
    new = found(1, at=200.0, mac=card(1, 1), clock=0.0)
    for order in ([old, new], [new, old]):
        matching = match([wanted(1)], order)
        assert matching.bound["hv1"].mac == card(1, 1)
        assert matching.bound["hv1"].macs == (card(1, 1), card(1))
        assert matching.unknown == ()


def test_a_card_reports_once() -> None:
    """Its newest report counts."""
    old, new = found(1, at=1.0, disks=()), found(1, at=2.0)

    assert set(match([wanted(1)], [new, old]).bound) == {"hv1"}


def test_a_card_of_several_machines_is_nobodys_further_card() -> None:
    """Boards of one vendor share the address of the card to their own BMC."""
    shared = Nic("usb0", card(99), link=True)
    pair = [found(n, nics=(*report(n).nics, shared)) for n in (1, 2)]
    matching = match([wanted(1), wanted(2)], pair)

    assert matching.bound["hv1"].macs == (card(1), card(1, 1))
    assert matching.bound["hv2"].macs == (card(2), card(2, 1))


def test_each_machine_on_its_own_disk() -> None:
    """One selector for all machines, resolved for each."""
    matching = match([wanted(n) for n in (1, 2, 3)], [found(n) for n in (3, 1, 2)])

    disks = {name: bound.disk for name, bound in matching.bound.items()}
    assert disks == {f"hv{n}": DISK.format(n) for n in (1, 2, 3)}


def test_what_speaks_against_a_machine_holds_it() -> None:
    """Who it is is known nevertheless; all reasons are given at once."""
    each = found(1, threads=4, disks=(disk("S1", contents=full()),))
    matching = match([wanted(1)], [each])

    assert matching.bound == {}
    assert matching.matched == {"hv1": card(1)}
    assert codes(matching, "hv1") == {Code.SMALL, Code.DATA}


def test_a_selector_with_two_matches_holds_it() -> None:
    """Both are named."""
    each = found(1, disks=(disk("S1"), disk("S2", "nvme1n1")))
    matching = match([wanted(1)], [each])

    assert matching.bound == {}
    assert codes(matching, "hv1") == {Code.SEVERAL_DISKS}
    assert "serial S1" in words(matching, "hv1")
    assert "serial S2" in words(matching, "hv1")


def test_a_data_disk_must_be_there() -> None:
    """Installed without it, the volumes would go onto the system's disk."""
    data = "/dev/disk/by-id/nvme-PM9A3_S2"
    one = replace(wanted(1, "serial = S1"), data_disk=data)

    missing = match([one], [found(1)])
    assert codes(missing, "hv1") == {Code.DISK_ABSENT}
    there = match([one], [found(1, disks=(disk("S1"), disk("S2", "nvme1n1")))])
    assert there.bound["hv1"].data_disk == data


def test_a_machine_without_a_disk_named_waits_for_one() -> None:
    """None is ever guessed, not even an only one."""
    matching = match([wanted(1, disk=None)], [found(1)])

    assert codes(matching, "hv1") == {Code.NO_DISK}
    path = DISK.format(1)
    assert match([wanted(1, disk=DiskPlan(path, None))], [found(1)]).bound["hv1"].disk == path


def test_nothing_in_nothing_out() -> None:
    """A site before its machines are switched on."""
    assert match([], []) == Matching()
    assert match([wanted(1)], []) == Matching()
    assert match([], [found(1)]) == Matching(unknown=(card(1),))
    assert match([wanted(1)], [Found(card(1), Report())]).unknown == (card(1),)


def test_no_order_matters_in_a_muddle() -> None:
    """Machines, a liar, a duplicate, an unknown one: all 120 orders, and the machines reversed."""
    machines = [wanted(1), wanted(2), told_by(3, macs=(card(3),))]
    reports = [found(1), found(2), found(7, serial="SERIAL2"), found(3, serial="0"), found(8)]
    first = match(machines, reports)

    assert set(first.bound) == {"hv1", "hv3"}
    for order in permutations(reports):
        assert match(machines, order) == first
        assert match(machines[::-1], order) == first


SERIALS = st.sampled_from(["SERIAL1", "SERIAL2", "SERIAL3", "0", ""])
NUMBERS = st.integers(1, 4)
RULES = st.builds(
    MatchRule,
    macs=st.lists(st.builds(card, NUMBERS, st.integers(0, 1)), max_size=2).map(tuple),
    serial=st.none() | SERIALS.filter(bool),
    uuid=st.none() | NUMBERS.map(lambda number: report(number).uuid),
    vendor=st.sampled_from([None, "dell"]),
    product=st.sampled_from([None, "R650", "X11"]),
)
MACHINES = st.lists(st.tuples(RULES, st.none() | RULES), max_size=4).map(
    lambda rules: [
        wanted(number, match=rule, said=said) for number, (rule, said) in enumerate(rules, 1)
    ]
)
FOUND = st.builds(
    lambda number, by, serial, uuid, cards, at: Found(
        card(number, by),
        report(
            number,
            serial=serial,
            uuid=report(uuid).uuid,
            nics=tuple(Nic(f"eth{i}", each, link=True) for i, each in enumerate(cards)),
        ),
        at,
    ),
    NUMBERS,
    st.integers(0, 1),
    SERIALS,
    NUMBERS,
    st.lists(st.builds(card, NUMBERS, st.integers(0, 1)), max_size=4),
    st.sampled_from([0.0, 1.0, 2.0]),
)


@given(machines=MACHINES, reports=st.lists(FOUND, max_size=5), data=st.data())
def test_whatever_is_reported(
    machines: list[Wanted], reports: list[Found], data: st.DataObject
) -> None:
    """No order matters; no report and no card is bound twice; what is bound is refused nowhere."""
    matching = match(machines, reports)

    others = data.draw(st.permutations(reports)), data.draw(st.permutations(machines))
    assert match(others[1], others[0]) == matching
    cards = [mac for bound in matching.bound.values() for mac in bound.macs]
    assert len(set(cards)) == len(cards)
    assert len(set(matching.matched.values())) == len(matching.matched)
    assert not matching.bound.keys() & matching.refused.keys()
    assert not {str(each.mac) for each in matching.bound.values()} & matching.refused.keys()
    assert matching.bound.keys() <= matching.matched.keys()
    assert not set(matching.unknown) & set(matching.matched.values())
    for name, bound in matching.bound.items():
        assert matching.matched[name] == bound.mac == bound.macs[0]


@given(
    machines=MACHINES,
    reports=st.lists(FOUND, max_size=4),
    victim=NUMBERS,
    lie=st.sampled_from(["serial", "uuid"]),
)
def test_a_liar_never_becomes_its_victim(
    machines: list[Wanted], reports: list[Found], victim: int, lie: str
) -> None:
    """Whoever has reported itself is never replaced by one who claims its serial number or UUID."""
    true = found(victim, at=3.0)
    by_serial, by_uuid = MatchRule(serial=f"SERIAL{victim}"), MatchRule(uuid=true.report.uuid)
    rule = by_serial if lie == "serial" else by_uuid
    one = wanted(9, match=rule)
    liar = found(8, **{lie: getattr(true.report, lie)})

    matching = match([*machines, one], [*reports, liar, true])

    assert "hv9" not in matching.bound
    assert Code.TWO_REPORTS in codes(matching, "hv9")
