"""The services address on this laptop, for as long as the staging machine does not have it.

Everything that is built asks this address for names and time, so that nothing refers to the
laptop. It is taken only where nobody answers ARP for it.
"""

from __future__ import annotations

from appliance.boot.address_probe import who_has
from appliance.errors import PreflightError
from appliance.flow.context import Context
from appliance.flow.noted import Noted
from appliance.site.plan import Plan
from appliance.tools.interface import about_to_set, set_address
from appliance.values import Mac

NOTE = "s3.services"
_ALONE = 32
"""The address is no second one of the network: it goes and stays apart from the laptop's own."""
_LOOK_SECONDS = 20.0


class ServicesAddress:
    """A second address of the provisioning interface, taken and given back."""

    def __init__(self, context: Context, plan: Plan) -> None:
        self._context = context
        self._plan = plan
        self._noted = Noted(context, NOTE)
        self._held = False
        self._released = False
        self._told = ""
        self._next_look = 0.0

    def take(self) -> bool:
        """Take the address unless it is another's, or was released; give whether it is held.

        Raises PreflightError if the interface is not ready for it.
        """
        if self._released or not self._is_wanted():
            self._noted.undo()
            return False
        interface, address = self._context.options.interface, self._plan.services
        other = who_has(interface, address)
        if other is not None:
            self._noted.undo()  # a killed run may have left it here
            self._tell_of(other)
            return False
        self._noted.note(about_to_set(interface, address, _ALONE))
        set_address(interface, address, _ALONE)
        self._held = True
        self._next_look = self._context.clock.monotonic() + _LOOK_SECONDS
        self._tell(f"this laptop answers for {address}, the services address, until staging does")
        return True

    def give_back(self) -> None:
        """Take the address from the interface; it may be taken again."""
        self._held = False
        self._noted.undo()

    def release(self) -> None:
        """Give the address up for the rest of this run: the staging machine is to have it."""
        self._released = True
        self.give_back()

    def is_contested(self) -> bool:
        """Look now and then whether another machine has the address too; tell of it if so."""
        now = self._context.clock.monotonic()
        if not self._held or now < self._next_look:
            return False
        self._next_look = now + _LOOK_SECONDS
        try:
            other = who_has(self._context.options.interface, self._plan.services)
        except PreflightError:
            return False  # no link: nobody can answer now
        if other is not None:
            self._tell_of(other)
        return other is not None

    def _is_wanted(self) -> bool:
        network, address = self._plan.provisioning, self._plan.services
        if address == network.bridge:
            return False
        if address in network.cidr:
            return True
        self._tell(
            f"the services address {address} is on another network than {network.name}: "
            "nothing answers there until the staging machine runs"
        )
        return False

    def _tell_of(self, other: Mac) -> None:
        address, staging = self._plan.services, self._plan.staging
        if staging is not None and self._plan.vm(staging.vm).mac == other:
            self._tell(f"{staging.vm} has the services address {address}: it answers there")
            return
        self._tell(
            f"the services address {address} is used by another machine, {other}: "
            "switch that machine off, or give it another address"
        )

    def _tell(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._context.tell("finding", text, data={"address": str(self._plan.services)})
