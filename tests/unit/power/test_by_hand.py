"""By hand: the machine is named, and what to press; nothing is claimed to be known."""

from __future__ import annotations

import pytest

from appliance.errors import PowerError
from appliance.power.by_hand import Act, ByHand, asked_of_hand, named
from appliance.power.model import BootFrom, Contact, Inventory, Power, PowerControl, Target, Way
from appliance.values import Mac

ONE = Mac.parse("52:54:00:12:34:01")
TWO = Mac.parse("52:54:00:12:34:02")
TARGET = Target("hv1", Way.BY_HAND, macs=(ONE,))


def test_it_is_a_switch_like_any_other() -> None:
    """What it asks for is a person; it knows nothing."""
    control: PowerControl = ByHand(TARGET)
    assert control.target is TARGET
    assert control.contact() == Contact(Power.UNKNOWN)
    assert control.power() is Power.UNKNOWN
    assert control.inventory() == Inventory()


@pytest.mark.parametrize(
    ("target", "name"),
    [
        (Target("hv1", Way.BY_HAND), "hv1"),
        (TARGET, "hv1 (network card 52:54:00:12:34:01)"),
        (
            Target("hv1", Way.BY_HAND, macs=(ONE, TWO)),
            "hv1 (network cards 52:54:00:12:34:01, 52:54:00:12:34:02)",
        ),
    ],
)
def test_the_machine_is_named_by_what_stands_on_it(target: Target, name: str) -> None:
    """By its cards, which are on a label."""
    assert named(target) == name


@pytest.mark.parametrize(
    ("act", "words"),
    [
        ("on", "press the power button of hv1 (network card 52:54:00:12:34:01)"),
        ("off", "for ten seconds, until it is off"),
        ("cycle", "until it is off, wait ten seconds, press it"),
    ],
)
def test_what_to_press_is_the_fix(act: str, words: str) -> None:
    """Each act is an error that asks for a hand, as one sentence."""
    with pytest.raises(PowerError, match="hv1: it is switched by hand") as caught:
        getattr(ByHand(TARGET), act)()
    assert words in caught.value.fix
    assert asked_of_hand(TARGET, Act(act)) == caught.value.fix


def test_how_it_boots_from_the_network() -> None:
    """The key is said with the button, but not for switching off."""
    assert "F12 on most machines" in asked_of_hand(TARGET, Act.ON, from_network=True)
    assert "F12" not in asked_of_hand(TARGET, Act.OFF, from_network=True)


@pytest.mark.parametrize("place", list(BootFrom))
def test_the_next_boot_is_not_set(place: BootFrom) -> None:
    """And it says so."""
    assert ByHand(TARGET).boot_next(place).startswith("nothing: hv1 boots")
