"""Reports as the flow keeps them, and how people name a machine."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from uuid import UUID

import pytest

from appliance.boot.control import Reported
from appliance.discover.report import Nic, Report, encode
from appliance.errors import InputError
from appliance.flow.context import Context
from appliance.flow.reports import (
    KnownMachine,
    find_for_good,
    find_machine,
    newest_reports,
    report_of_machine,
    take_report,
)
from appliance.values import Mac
from tests.plans import machine, plan
from tests.unit.flow.support import Ticks, context_in

_ONE, _TWO, _THREE = (Mac(f"52540000010{number}") for number in (1, 2, 3))
_UUID = UUID("4c4c4544-0058-4b10-8051-b7c04f395a33")
_REPORT = Report(
    vendor="Dell", serial="7XKQ9Z3", uuid=_UUID, nics=(Nic("eno1", _ONE), Nic("eno2", _TWO))
)


def _says(context: Context, mac: Mac, report: Report, name: str | None = None) -> bool:
    text = encode(report).decode()
    return take_report(context, Reported(mac, IPv4Address("10.0.0.9"), name, text))


def test_a_report_is_kept_and_told_once(tmp_path: Path) -> None:
    """What only has another time says nothing new."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        assert _says(context, _ONE, _REPORT)
        ticks.now += 10
        assert not _says(context, _ONE, replace(_REPORT, clock=5.0))
        (kept,) = newest_reports(context)
        (told,) = context.journal.events()
    assert (kept.mac, kept.report, kept.last - kept.first) == (_ONE, _REPORT, 10.0)
    assert (told.kind, told.machine) == ("discovered", None)
    assert told.text == "52:54:00:00:01:01 reported: Dell, serial 7XKQ9Z3; no disk"
    assert told.data["mac"] == "52:54:00:00:01:01"


def test_what_boot_should_not_have_passed_on_ends_no_run(tmp_path: Path) -> None:
    """It is said, and not kept."""
    with context_in(tmp_path) as context:
        assert not take_report(context, Reported(_ONE, IPv4Address("10.0.0.9"), None, "{"))
        assert newest_reports(context) == ()
        (told,) = context.journal.events()
    assert "cannot be read" in told.text


def test_a_machine_that_starts_from_two_cards_is_one(tmp_path: Path) -> None:
    """Its newest report counts; one that only claims the other's card is another machine."""
    ticks = Ticks()
    with context_in(tmp_path, ticks=ticks) as context:
        _says(context, _ONE, _REPORT)
        ticks.now += 10
        _says(context, _TWO, replace(_REPORT, memory=1 << 30))
        assert [each.mac for each in newest_reports(context)] == [_TWO]
        ticks.now += 10
        liar = Report(serial="LIAR", nics=(Nic("eth0", _THREE), Nic("eth1", _ONE)))
        _says(context, _THREE, liar)
        assert [each.mac for each in newest_reports(context)] == [_TWO, _THREE]
        found = report_of_machine(context, (_ONE,))
        assert report_of_machine(context, (Mac("525400000199"),)) is None
    assert found is not None


@pytest.mark.parametrize(
    "which", ["52:54:00:00:01:01", "525400000102", "7xkq9z3", str(_UUID).upper(), "hv1"]
)
def test_a_machine_is_named_by_what_people_read(tmp_path: Path, which: str) -> None:
    """Any of its cards, its serial number, its UUID, or its name in the site."""
    with context_in(tmp_path) as context:
        _says(context, _ONE, _REPORT)
        found = find_machine(context, plan(machine(1, macs=(_TWO,))), which)
    assert isinstance(found, KnownMachine)
    assert found.mac == _ONE


def test_what_others_claim_is_no_word_of_the_machine_itself(tmp_path: Path) -> None:
    """A liar names another's card: it is not taken for that, and makes nobody two."""
    liar = Report(serial="LIAR", nics=(Nic("eth0", _THREE), Nic("eth1", _ONE)))
    with context_in(tmp_path) as context:
        _says(context, _THREE, liar)
        with pytest.raises(InputError, match=f"{_ONE} has not reported") as caught:
            find_for_good(context, plan(), str(_ONE))
        assert caught.value.fix.startswith(f"if that is the machine, name it by {_THREE}")
        _says(context, _ONE, replace(_REPORT, nics=_REPORT.nics[:1]))
        _says(context, _THREE, replace(liar, memory=1))
        found = [find_for_good(context, plan(), str(each)) for each in (_ONE, _THREE, _TWO)]
        of_hv1 = report_of_machine(context, (_ONE,))
    assert [each.mac if isinstance(each, KnownMachine) else None for each in found] == [
        _ONE,
        _THREE,
        None,
    ]
    assert of_hv1 is not None
    assert of_hv1.mac == _ONE


def test_a_mac_without_a_report_is_taken_as_it_is(tmp_path: Path) -> None:
    """A machine may be approved before it was ever heard."""
    with context_in(tmp_path) as context:
        assert find_machine(context, plan(), "52:54:00:00:01:03") == _THREE


def test_who_is_nobody_or_several_is_refused(tmp_path: Path) -> None:
    """With all that were heard, to choose from."""
    with context_in(tmp_path) as context:
        _says(context, _ONE, _REPORT)
        with pytest.raises(InputError, match="no machine that reported is 'nonsense'") as caught:
            find_machine(context, plan(), "nonsense")
        assert "serial 7XKQ9Z3" in caught.value.why
        _says(context, _THREE, Report(serial="7XKQ9Z3", nics=(Nic("eth0", _THREE),)))
        with pytest.raises(InputError, match="7XKQ9Z3 is 2 machines"):
            find_machine(context, plan(), "7XKQ9Z3")


def test_what_an_older_version_kept_and_this_one_cannot_read_is_passed_over(
    tmp_path: Path,
) -> None:
    """It is as if the machine had not reported."""
    with context_in(tmp_path) as context:
        context.discoveries.put(_ONE, "10.0.0.9", "{", 1.0)
        assert newest_reports(context) == ()
        assert _says(context, _ONE, _REPORT)
