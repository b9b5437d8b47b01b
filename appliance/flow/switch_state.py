"""What was last known of a machine's switch: power, certificate, its BMC's word. Asks nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from appliance.flow.context import Context
from appliance.flow.reports import report_of_machine
from appliance.flow.switching import kept_of, left_in_mid_cycle
from appliance.power import inventory
from appliance.power.model import Inventory, InventoryDisk, Power, Way
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
    against: str = ""
    """What says that it switches another machine."""
    differences: tuple[str, ...] = ()
    said: Inventory = field(default_factory=Inventory)
    """What its BMC last said the machine is."""

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
            "differences": list(self.differences),
            "inventory": inventory.as_json(self.said),
        }


def kept_state(
    context: Context, machine: MachinePlan, reported: Inventory | None = None
) -> SwitchState:
    """Give what was last known of a machine's switch; nothing is asked."""
    kept = kept_of(context, machine)
    said = inventory.from_json(kept.get("inventory", {}))
    told = inventory.differences(machine, said, reported) if said != Inventory() else []
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
        against=inventory.identify(machine, said).against,
        differences=tuple(told),
        said=said,
    )


def reported_by(context: Context, machine: MachinePlan) -> Inventory | None:
    """Give what the machine itself reported last, in the terms of a BMC; None: it has not."""
    known = report_of_machine(context, machine.macs) if machine.macs else None
    if known is None:
        return None
    report = known.report
    return Inventory(
        vendor=report.vendor,
        model=report.product,
        serial=report.serial,
        uuid=str(report.uuid) if report.uuid else "",
        cpus=report.threads,
        memory=report.memory,
        disks=tuple(
            InventoryDisk(each.name, each.size, each.model, each.serial) for each in report.disks
        ),
        macs=report.macs,
    )
