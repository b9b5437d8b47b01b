"""What is set is noted before, and taken back from the note alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.flow.inside_namespace import Laptop, laptop

pytestmark = pytest.mark.root

_BEGIN = """
from ipaddress import IPv4Address
from appliance.flow.noted import Noted
from appliance.tools.interface import about_to_set, look, set_address
ADDRESS, OTHER = IPv4Address("10.20.0.5"), IPv4Address("10.20.0.6")
def addresses():
    return [str(each) for each in look(INTERFACE).addresses]
"""


@pytest.fixture
def here() -> Iterator[Laptop]:
    """A laptop with one interface."""
    with laptop() as made:
        yield made


def test_a_second_address_comes_and_goes_by_its_note(here: Laptop) -> None:
    """The laptop's own address stays; twice does nothing more."""
    said = here.run(
        _BEGIN
        + """
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    noted = Noted(context, "s3.services")
    noted.note(about_to_set(INTERFACE, ADDRESS, 32))
    set_address(INTERFACE, ADDRESS, 32)
    during = addresses()
    say(during=during, done=noted.undo(), after=addresses(), twice=noted.undo(),
        note=context.journal.left.read("s3.services"))
"""
    )
    assert said["during"] == ["10.20.0.2/24", "10.20.0.5/32"]
    assert said["done"] == [f"address 10.20.0.5/32 is taken from {here.interface}"]
    assert said["after"] == ["10.20.0.2/24"]
    assert (said["twice"], said["note"]) == ([], None)


def test_a_killed_runs_note_is_taken_over_or_taken_back(here: Laptop) -> None:
    """Of the same place: its `lacked` counts. Of another: it goes before the new one is noted."""
    said = here.run(
        _BEGIN
        + """
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    Noted(context, "key").note(about_to_set(INTERFACE, ADDRESS, 32))
    set_address(INTERFACE, ADDRESS, 32)
    noted = Noted(context, "key")
    same = noted.note(about_to_set(INTERFACE, ADDRESS, 32)).lacked
    noted.note(about_to_set(INTERFACE, OTHER, 32))
    told = [each.text for each in context.journal.events() if each.kind == "undone"]
    say(same=same, after=addresses(), told=told, kept=context.journal.left.read("key")["address"])
"""
    )
    assert said["same"] is True
    assert said["after"] == ["10.20.0.2/24"]
    assert said["told"] == [f"of a killed run: address 10.20.0.5/32 is taken from {here.interface}"]
    assert said["kept"] == "10.20.0.6/32"
