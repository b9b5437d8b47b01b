"""Machines that a person switches: nothing is sent, the person is told in words what to press."""

from __future__ import annotations

from enum import StrEnum

from appliance.errors import PowerError
from appliance.power.model import BootFrom, Contact, Inventory, Power, Target

FROM_NETWORK = "and as it starts choose the network once, with F12 on most machines"


class Act(StrEnum):
    """What may be asked of a machine's power button."""

    ON = "on"
    OFF = "off"
    CYCLE = "cycle"


def named(target: Target) -> str:
    """Name a machine so that it is found in a rack: `hv1 (network card 52:54:00:12:34:56)`."""
    if not target.macs:
        return target.machine
    cards = "network card" if len(target.macs) == 1 else "network cards"
    return f"{target.machine} ({cards} {', '.join(map(str, target.macs))})"


def asked_of_hand(target: Target, act: Act, *, from_network: bool = False) -> str:
    """Say where a person must press what. `from_network`: it is to boot from there this time.

    A button that is held for more than four seconds switches off (ACPI 6.5, 4.8.2.2.1.2).
    """
    place = named(target)
    words = {
        Act.ON: f"press the power button of {place}",
        Act.OFF: f"hold the power button of {place} for ten seconds, until it is off",
        Act.CYCLE: f"hold the power button of {place} until it is off, wait ten seconds, press it",
    }
    ending = f", {FROM_NETWORK}" if from_network and act is not Act.OFF else ""
    return words[act] + ending


class ByHand:
    """One machine's switch, worked by a person. Whether it is on is never known."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def contact(self) -> Contact:
        """There is nothing to look at."""
        return Contact(Power.UNKNOWN)

    def power(self) -> Power:
        """Nobody can be asked."""
        return Power.UNKNOWN

    def boot_next(self, place: BootFrom) -> str:
        """Say what a person chooses as the machine starts; nothing is set."""
        return own_order(self.target, place)

    def take_out(self, disc: str) -> bool:
        """There is no drive to take anything out of."""
        del disc
        return False

    def on(self) -> None:
        """Raise PowerError, whose `fix` is what to press."""
        raise self._asks(Act.ON)

    def off(self) -> None:
        """Raise PowerError, whose `fix` is what to press."""
        raise self._asks(Act.OFF)

    def cycle(self) -> None:
        """Raise PowerError, whose `fix` is what to press."""
        raise self._asks(Act.CYCLE)

    def inventory(self) -> Inventory:
        """Nobody says what the machine is; its own report will."""
        return Inventory()

    def _asks(self, act: Act) -> PowerError:
        return hand_needed(self.target, act, "the site file names no BMC for it")


def hand_needed(target: Target, act: Act, why: str) -> PowerError:
    """Make the error that asks for a person."""
    return PowerError(
        "it is switched by hand",
        where=target.machine,
        why=why,
        fix=asked_of_hand(target, act),
    )


def own_order(target: Target, place: BootFrom) -> str:
    """Say what decides where a machine boots from whose next boot cannot be set from outside."""
    if place is BootFrom.DISK:
        return f"nothing: {target.machine} boots in the order that its firmware is set to"
    return (
        f"nothing: {target.machine} boots from the network if its firmware tries that first; "
        "else choose it once as it starts, with F12 on most machines"
    )
