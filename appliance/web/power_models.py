"""What the calls for the power of machines take and give, and the list of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from appliance.flow.found_bmcs import FoundBmc
from appliance.flow.switch_state import SwitchState
from appliance.power import known
from appliance.power.model import Power
from appliance.site.plan import Way
from appliance.web.models import Asked, Call, DoneAnswer, Text

Verb = Literal["on", "off", "cycle", "ask", "new-certificate"]


class PowerAsked(Asked):
    """Switch a machine, ask its BMC anew, or take the certificate that the BMC shows now.

    `confirm`: the machine's name, typed by hand, where switching off could hurt it.
    """

    verb: Verb
    confirm: Text = ""


class PasswordAsked(Asked):
    """Keep the password of a machine's BMC; without `machine` that of all."""

    password: Text
    machine: Text = ""


@dataclass(frozen=True, slots=True)
class PowerAnswer:
    """A machine's switch as it was last known. `read_at` is Unix seconds, 0 where never read.

    `confirm` says why its name is asked for before it is switched off; empty: it is not asked.
    `unfinished` says that it was left off in the middle of off-and-on.
    `facts` are what the machine is and who says so, `differences` where its BMC says otherwise.
    """

    machine: str
    way: Way
    switch: str
    power: Power
    read_at: float
    profile: str
    certificate: str
    error: str
    unfinished: str
    confirm: str
    facts: tuple[tuple[str, str], ...]
    differences: tuple[str, ...]

    @classmethod
    def of(cls, state: SwitchState, confirm: str) -> PowerAnswer:
        """Put it together."""
        return cls(
            machine=state.machine,
            way=state.way,
            switch=state.switch,
            power=state.power,
            read_at=state.read_at,
            profile=state.profile,
            certificate=state.fingerprint,
            error=state.error,
            unfinished=state.unfinished,
            confirm=confirm,
            facts=tuple(known.facts(state.known)),
            differences=state.known.differences,
        )

    @property
    def by_hand(self) -> bool:
        """Whether only a person switches it."""
        return self.way is Way.BY_HAND


POWER_CALLS = (
    Call("get", "/api/bmcs", "bmcs", "BMCs that asked for an address", tuple[FoundBmc, ...]),
    Call("get", "/api/machines/{which}/power", "power", "How it is switched", PowerAnswer),
    Call("post", "/api/machines/{which}/power", "switch", "Switch it", DoneAnswer, PowerAsked),
    Call(
        *("post", "/api/power/password", "bmc_password", "Keep a BMC's password"),
        *(DoneAnswer, PasswordAsked),
    ),
)
"""All calls for power."""
