"""The BMCs that asked for an address by DHCP: listed for people, never machines to be approved."""

from __future__ import annotations

from dataclasses import dataclass

from appliance.flow.context import Context
from appliance.site.plan import Plan
from appliance.tools.clock import as_text


@dataclass(frozen=True, slots=True)
class FoundBmc:
    """A BMC as it was last heard, at a Unix time. `vendor` and `machine` are empty if unknown."""

    mac: str
    address: str
    vendor: str
    seen: float
    machine: str = ""

    def as_json(self) -> dict[str, str]:
        """Give it for `--json`, with the time as text."""
        return {
            "mac": self.mac,
            "address": self.address,
            "vendor": self.vendor,
            "seen": as_text(self.seen),
            "machine": self.machine,
        }

    def __str__(self) -> str:
        what = f"{self.vendor or 'maker unknown'}, last heard {as_text(self.seen)}"
        whose = (
            f"switches {self.machine}"
            if self.machine
            else "no machine's yet: write its address under the machine's bmc in the site file"
        )
        return f"{self.mac}  a BMC at {self.address or 'an address of its own'}, {what}: {whose}"


def found_bmcs(context: Context, plan: Plan) -> tuple[FoundBmc, ...]:
    """Give each BMC once, as it was last heard, in the order of first appearance."""
    by_mac = {str(each.bmc.mac): each.name for each in plan.machines if each.bmc.mac is not None}
    by_host = {each.bmc.host: each.name for each in plan.machines if each.bmc.host}
    found: dict[str, FoundBmc] = {}
    for event in context.journal.events(kinds=("bmc",)):
        mac, address = str(event.data.get("mac", "")), str(event.data.get("address", ""))
        machine = by_mac.get(mac) or by_host.get(address, "")
        found[mac] = FoundBmc(mac, address, str(event.data.get("vendor", "")), event.at, machine)
    return tuple(found.values())
