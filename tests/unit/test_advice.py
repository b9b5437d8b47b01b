"""What is advised is said in one place, for who types commands and for who uses the pages."""

from __future__ import annotations

import re

import pytest

from appliance import advice
from appliance.advice import Advice

_NAME = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("one", advice.every(), ids=lambda one: one.command[:40])
def test_a_piece_takes_as_many_names_as_its_kind_says(one: Advice) -> None:
    """And the pages fill in nothing that the command's words do not hold."""
    takes = {advice.Always: 0, advice.For: 1, advice.ForTwo: 2}
    assert len(one.names) == takes[type(one)]
    assert set(_NAME.findall(one.page)) <= set(one.names)


def test_names_are_filled_in_in_the_order_of_the_commands_words() -> None:
    """One that stands twice is given once."""
    said = advice.agree_to_switch("cycle", "hv3")
    assert said == "say so: provision power cycle SITE hv3 --yes"
    assert advice.export_then_wipe("{odd}.yaml") == (
        "keep it sealed first: provision export state {odd}.yaml FILE; "
        "then say so: provision wipe {odd}.yaml --yes"
    )


def test_nothing_is_said_twice() -> None:
    """The same words stand for one thing."""
    said = [each.command for each in advice.every()]
    assert len(said) == len(set(said))
