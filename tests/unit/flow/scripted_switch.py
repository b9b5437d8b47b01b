"""A switch in memory that does what a test says, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from appliance.errors import PowerError
from appliance.power.model import (
    BootFrom,
    Contact,
    Inventory,
    Power,
    PowerControl,
    Target,
)


@dataclass
class ScriptedSwitch:
    """One machine's switch. `fail` raises what a verb is to raise; `obeys`: commands do something.

    `asked` are the verbs it was asked for, `sets` where it was told to boot from.
    """

    power_now: Power = Power.OFF
    boots: tuple[BootFrom, ...] = (BootFrom.PXE, BootFrom.DISK)
    said: Inventory = field(default_factory=Inventory)
    fingerprint: str | None = "ab" * 32
    obeys: bool = True
    fail: Callable[[str], PowerError | None] = lambda _verb: None
    on_power: Callable[[], None] = lambda: None
    asked: list[str] = field(default_factory=list)
    sets: list[BootFrom] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)

    def make(self, target: Target, *, interface: str) -> PowerControl:
        """Give a way to this switch."""
        del interface
        self.targets.append(target)
        return _Way(target, self)

    def do(self, verb: str) -> None:
        """Note a verb; raise what it is to raise."""
        self.asked.append(verb)
        error = self.fail(verb)
        if error is not None:
            raise error

    def switch(self, verb: str, power: Power) -> None:
        """Switch, where it obeys."""
        self.do(verb)
        if self.obeys:
            self.power_now = power if self.power_now is not Power.UNKNOWN else Power.UNKNOWN
            if power is Power.ON:
                self.on_power()

    @property
    def acts(self) -> list[str]:
        """Give what it was asked to do, without readings and looks."""
        return [each for each in self.asked if each not in ("power", "contact", "inventory")]


@dataclass
class _Way:
    target: Target
    switch: ScriptedSwitch

    def contact(self) -> Contact:
        self.switch.do("contact")
        one = self.switch
        return Contact(one.power_now, one.fingerprint, "scripted (tested-here)", one.boots)

    def power(self) -> Power:
        self.switch.do("power")
        return self.switch.power_now

    def boot_next(self, place: BootFrom) -> str:
        self.switch.do(f"boot {place}")
        self.switch.sets.append(place)
        return f"{place}, once" if place is not BootFrom.DISK else "its disk"

    def take_out(self, disc: str) -> bool:
        self.switch.do(f"take out {disc}")
        return True

    def on(self) -> None:
        self.switch.switch("on", Power.ON)

    def off(self) -> None:
        self.switch.switch("off", Power.OFF)

    def cycle(self) -> None:
        self.switch.switch("cycle", Power.ON)

    def inventory(self) -> Inventory:
        self.switch.do("inventory")
        return replace(self.switch.said)


class ScriptedSwitches:
    """The switches of a site, by the names of their machines."""

    def __init__(self, **switches: ScriptedSwitch) -> None:
        self._switches = switches

    def put(self, name: str, switch: ScriptedSwitch) -> None:
        """Have a machine switched by another one from now on."""
        self._switches[name] = switch

    def make(self, target: Target, *, interface: str) -> PowerControl:
        """Give a way to a machine's switch."""
        return self._switches[target.machine].make(target, interface=interface)
