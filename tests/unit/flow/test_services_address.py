"""The services address: the laptop's only while nobody else has it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.namespaces import ip
from tests.unit.flow.inside_namespace import Laptop, laptop

pytestmark = pytest.mark.root

_BEGIN = """
from ipaddress import IPv4Address
from appliance.flow.services_address import NOTE, ServicesAddress
from appliance.tools.interface import about_to_set, look, set_address
from tests.staged import staged
def addresses():
    return [str(each) for each in look(INTERFACE).addresses]
def told(context):
    return [each.text for each in context.journal.events() if each.kind == "finding"]
"""


@pytest.fixture
def here() -> Iterator[Laptop]:
    """A laptop with one interface."""
    with laptop() as made:
        yield made


def give_to_another(here: Laptop, *, mac: str = "02:00:00:00:00:05") -> None:
    """Let the machine at the other end of the cable have the services address."""
    pair = here.pair
    ip("-n", pair.client, "link", "set", pair.client_interface, "address", mac)
    ip("-n", pair.client, "address", "add", "10.20.0.5/24", "dev", pair.client_interface)


def test_it_is_taken_given_back_and_taken_again(here: Laptop) -> None:
    """As when an adapter is plugged out and in; it is noted while it is there."""
    said = here.run(
        _BEGIN
        + """
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    address = ServicesAddress(context, staged())
    taken, within = address.take(), addresses()
    noted = context.journal.left.read(NOTE)["address"]
    address.give_back()
    between = addresses()
    again = address.take()
    address.give_back()
    say(taken=taken, within=within, noted=noted, between=between, again=again,
        told=told(context), note=context.journal.left.read(NOTE))
"""
    )
    assert (said["taken"], said["again"]) == (True, True)
    assert said["within"] == ["10.20.0.2/24", "10.20.0.5/32"]
    assert (said["noted"], said["note"]) == ("10.20.0.5/32", None)
    assert said["between"] == ["10.20.0.2/24"]
    assert said["told"] == [
        "this laptop answers for 10.20.0.5, the services address, until staging does"
    ]


def test_once_released_it_is_not_taken_again(here: Laptop) -> None:
    """The staging machine is about to have it."""
    said = here.run(
        _BEGIN
        + """
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    address = ServicesAddress(context, staged())
    address.take()
    address.release()
    say(after=addresses(), again=address.take(), still=addresses())
"""
    )
    assert said == {"after": ["10.20.0.2/24"], "again": False, "still": ["10.20.0.2/24"]}


@pytest.mark.parametrize(
    ("mac", "words"),
    [
        ("02:00:00:00:00:05", "staging has the services address 10.20.0.5: it answers there"),
        ("02:00:00:00:00:99", "is used by another machine, 02:00:00:00:00:99: switch that"),
    ],
    ids=["staging", "stranger"],
)
def test_it_is_left_to_whoever_answers_for_it(here: Laptop, mac: str, words: str) -> None:
    """Even what a killed run left of it is taken from the interface."""
    give_to_another(here, mac=mac)
    said = here.run(
        _BEGIN
        + """
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    from appliance.flow.noted import Noted
    Noted(context, NOTE).note(about_to_set(INTERFACE, IPv4Address("10.20.0.5"), 32))
    set_address(INTERFACE, IPv4Address("10.20.0.5"), 32)
    address = ServicesAddress(context, staged())
    say(taken=address.take(), after=addresses(), told=told(context))
"""
    )
    assert (said["taken"], said["after"]) == (False, ["10.20.0.2/24"])
    (finding,) = said["told"]
    assert words in finding


def test_another_that_comes_later_is_noticed(here: Laptop) -> None:
    """It is looked for now and then, not at every turn."""
    give_to_another(here)
    said = here.run(
        _BEGIN
        + """
ticks = Ticks()
with context_in(FOLDER, options=Options(INTERFACE), ticks=ticks) as context:
    address = ServicesAddress(context, staged())
    address._held = True
    first = address.is_contested()
    ticks.now += 1
    soon = address.is_contested()
    ticks.now += 30
    say(first=first, soon=soon, later=address.is_contested(), told=told(context))
"""
    )
    assert (said["first"], said["soon"], said["later"]) == (True, False, True)
    assert said["told"] == ["staging has the services address 10.20.0.5: it answers there"]


def test_alone_it_is_not_contested(here: Laptop) -> None:
    """Not even by what this laptop itself answers."""
    said = here.run(
        _BEGIN
        + """
ticks = Ticks()
with context_in(FOLDER, options=Options(INTERFACE), ticks=ticks) as context:
    address = ServicesAddress(context, staged())
    before = address.is_contested()
    address.take()
    ticks.now += 30
    say(before=before, alone=address.is_contested())
    address.give_back()
"""
    )
    assert said == {"before": False, "alone": False}


def test_without_a_staging_machine_there_is_nothing_to_take(here: Laptop) -> None:
    """The services address is the laptop's own then; one elsewhere is told of."""
    said = here.run(
        _BEGIN
        + """
with context_in(FOLDER, options=Options(INTERFACE)) as context:
    plain = ServicesAddress(context, plan()).take()
    far = ServicesAddress(context, staged(address="10.30.0.5")).take()
    say(plain=plain, far=far, after=addresses(), told=told(context))
"""
    )
    assert (said["plain"], said["far"]) == (False, False)
    assert said["after"] == ["10.20.0.2/24"]
    (finding,) = said["told"]
    assert "on another network than main" in finding
