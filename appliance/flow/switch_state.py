"""What was last known of a machine's switch: power, certificate, its BMC's word. Asks nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from appliance.flow.context import Context
from appliance.flow.known_machine import known_of
from appliance.flow.switching import kept_of, left_in_mid_cycle, said_of
from appliance.power import inventory, known
from appliance.power.known import Known
from appliance.power.model import Inventory, Power, Way
from appliance.site.plan import MachinePlan
from appliance.tools.clock import as_text


@dataclass(frozen=True, slots=True)
class SwitchState:
    """What is known of one machine's switch. `read_at` is Unix seconds, 0 where never read."""

    machine: str
    way: Way
    switch: str
    power: Power = Power.UNKNOWN
    read_at: float = 0.0
    profile: str = ""
    fingerprint: str = ""
    error: str = ""
    unfinished: str = ""
    """That it was left off in the middle of off-and-on."""
    said: Inventory = field(default_factory=Inventory)
    """What its BMC last said the machine is."""
    known: Known = field(default_factory=Known)
    """The same and the machine's own report, as one record."""

    @property
    def text(self) -> str:
        """The switch in one line."""
        words = [f"{self.power.value}, by {self.switch}"]
        words += [f"read {as_text(self.read_at)}"] if self.read_at else []
        words += [self.profile] if self.profile else []
        words += [f"certificate sha256:{self.fingerprint}"] if self.fingerprint else []
        words += [each for each in (self.error, self.unfinished) if each]
        return "; ".join(words)

    def as_json(self) -> dict[str, Any]:
        """Give it as `--json` and the API show it."""
        return {
            "way": self.way.value,
            "switch": self.switch,
            "power": self.power.value,
            "read_at": as_text(self.read_at) if self.read_at else None,
            "profile": self.profile,
            "certificate": self.fingerprint,
            "error": self.error,
            "unfinished": self.unfinished,
            "differences": list(self.known.differences),
            "inventory": inventory.as_json(self.said),
            "known": known.as_json(self.known),
        }


def kept_state(context: Context, machine: MachinePlan) -> SwitchState:
    """Give what was last known of a machine's switch; nothing is asked."""
    kept = kept_of(context, machine)
    return SwitchState(
        machine=machine.name,
        way=machine.bmc.way,
        switch=str(machine.bmc),
        power=Power(kept.get("power", Power.UNKNOWN)),
        read_at=kept.get("read_at", 0.0),
        profile=kept.get("profile", ""),
        fingerprint=kept.get("fingerprint", ""),
        error=kept.get("error", ""),
        unfinished=left_in_mid_cycle(context, machine),
        said=said_of(context, machine),
        known=known_of(context, machine),
    )
