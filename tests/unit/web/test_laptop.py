"""The laptop as the first page shows it."""

from __future__ import annotations

from datetime import timedelta, timezone
from pathlib import Path

import pytest

from appliance.errors import InputError
from appliance.paths import Paths
from appliance.site.freeze import propose
from appliance.site.load import load_text
from appliance.site.make_plan import make_plan
from appliance.tools.interface import names
from appliance.web.laptop import (
    ChosenInterface,
    Port,
    clock_now,
    clock_text,
    conflicts,
    ports,
    speed_text,
)

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def port(name: str, *addresses: str, chosen: bool = False) -> Port:
    """An interface with link."""
    return Port(name, "52:54:00:00:00:01", True, 1000, addresses, False, chosen)


def test_the_interfaces_of_this_laptop_are_found() -> None:
    """Loopback is none of them, and a name that is not there is not chosen."""
    found = ports("no-such-interface")

    assert "lo" not in {each.name for each in found}
    assert not [each for each in found if each.chosen]


def test_at_most_one_is_taken_by_itself() -> None:
    """And never the way to the Internet."""
    taken = [each for each in ports() if each.chosen]

    assert len(taken) <= 1
    assert not [each for each in taken if each.uplink or not each.link]


@pytest.mark.parametrize(
    ("megabits", "text"), [(100, "100 Mbit/s"), (2500, "2.5 Gbit/s"), (10000, "10 Gbit/s")]
)
def test_speeds_are_written_as_on_a_switch(megabits: int, text: str) -> None:
    """People compare them with its label."""
    assert speed_text(megabits) == text


def test_a_network_that_the_laptop_has_elsewhere_is_a_conflict() -> None:
    """The chosen interface may hold the site's addresses; a second one may not."""
    site = load_text((EXAMPLES / "three-node.yaml").read_text()).site
    plan = make_plan(site, propose(site))

    assert list(conflicts(plan, [port("eth1", "10.20.0.2/24", chosen=True)])) == []
    assert list(conflicts(plan, [port("wlan0", "192.168.1.5/24")])) == []
    (said,) = conflicts(plan, [port("wlan0", "10.20.0.77/16")])
    assert said.startswith("wlan0 of this laptop has 10.20.0.77/16, which overlaps network main")


def test_the_clock_is_a_question_that_a_person_can_answer() -> None:
    """With the day of the week, in the laptop's own zone."""
    at = 1795185120.0
    assert clock_now(at).startswith(("Friday 20 November", "Saturday 21 November"))
    assert clock_text(at) == "Friday 20 November 2026, 14:32 UTC"
    assert clock_text(at, timezone(timedelta(hours=1), "CET")).endswith("15:32 CET")


def test_a_choice_is_kept_while_the_interface_is_there(tmp_path: Path) -> None:
    """Through a restart; one that was pulled out is no choice any more."""
    (first, *_) = names()
    chosen = ChosenInterface(Paths(tmp_path))
    assert chosen.name() == ""
    chosen.choose(first)
    assert ChosenInterface(Paths(tmp_path)).name() == first
    assert [each.name for each in ports(first) if each.chosen] == [first]

    Paths(tmp_path).web_interface.write_text("gone0")
    assert chosen.name() == ""
    chosen.choose(first)
    chosen.choose("")
    assert chosen.name() == ""


@pytest.mark.parametrize("name", ["gone0", "../../etc/passwd", "lo"])
def test_what_is_no_interface_is_not_chosen(tmp_path: Path, name: str) -> None:
    """The fix names those there are."""
    with pytest.raises(InputError, match="there is no network interface"):
        ChosenInterface(Paths(tmp_path)).choose(name)


def test_what_was_said_at_the_start_stands(tmp_path: Path) -> None:
    """Nobody in a browser changes it."""
    chosen = ChosenInterface(Paths(tmp_path), "eth7")
    assert chosen.name() == "eth7"
    chosen.choose("eth7")
    with pytest.raises(InputError, match="was started with the interface eth7"):
        chosen.choose("")
