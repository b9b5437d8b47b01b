"""What a site file may say of how a machine is switched on and off."""

from __future__ import annotations

from pydantic import Field

from appliance.site.fields import SiteModel, unsaid
from appliance.site.plan import BmcBoot, BmcPlan, Way
from appliance.site.scalars import BmcAddress, BmcSystem, BmcUser, BmcWay, MacAddress, StartFrom

ASKED_BY_NETWORK = (Way.REDFISH, Way.IPMI)
"""The ways that ask a BMC, which has an address and wants a user."""


class BmcSite(SiteModel):
    """How the machine is switched on and off. Its password is never here.

    The password is given by `provision power password SITE [NODE]` and kept in the laptop's vault.
    """

    type: BmcWay = Field(
        default=Way.REDFISH,
        description="`redfish` and `ipmi` ask the machine's BMC (iDRAC, iLO, XCC …), "
        "`wake-on-lan` sends a packet to its card, which switches on only, `by-hand` asks a "
        "person.",
    )
    address: BmcAddress | None = Field(
        default=None,
        description="The BMC's address, with its port where it has one of its own: "
        "`10.20.0.51`, `10.20.0.51:8443`. For Redfish also `https://…`; `http://…` sends the "
        "password readable on the network. It must be given for `redfish` and `ipmi`.",
    )
    user: BmcUser | None = Field(
        default=None,
        description="The BMC's user, who may switch the machine. It must be given for `redfish` "
        "and `ipmi`.",
    )
    system: BmcSystem | None = Field(
        default=None,
        description="The Id or UUID of the machine at a Redfish service that has several.",
        json_schema_extra=unsaid("the only one there is"),
    )
    mac: MacAddress | None = Field(
        default=None,
        description="The BMC's own network card. With it the laptop gives the BMC `address` by "
        "DHCP while it serves the network.",
        json_schema_extra=unsaid("the BMC has its address from elsewhere"),
    )
    boot: StartFrom | None = Field(
        default=None,
        description="What the machine starts from to be installed: the `network`, or for one "
        "that cannot, a `disc` with iPXE that its BMC fetches from the laptop, by Redfish only.",
        json_schema_extra=unsaid("`network`; its last try is the disc"),
    )

    @property
    def planned(self) -> BmcPlan:
        """The same as the Plan holds it."""
        return BmcPlan(
            way=self.type,
            address=self.address or "",
            user=self.user or "",
            system=self.system or "",
            mac=self.mac,
            boot=self.boot or BmcBoot.NETWORK,
        )
