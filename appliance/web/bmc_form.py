"""The form of how one machine is switched, and what it is filled with for a BMC that was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from ipaddress import IPv4Address

from appliance.errors import Problem
from appliance.flow.found_bmcs import FoundBmc
from appliance.site.address_book import AddressBook, NoRoomError
from appliance.site.places import Path, machine_path, path_text
from appliance.site.plan import BmcBoot, NetworkPlan, Plan, Way
from appliance.site.yaml_text import Value
from appliance.web.forms import Field, Form, Group, Kind, key_field
from appliance.web.site_file import value_at

WAYS = {
    Way.REDFISH: "its BMC, by Redfish",
    Way.IPMI: "its BMC, by IPMI",
    Way.WAKE_ON_LAN: "Wake-on-LAN, which switches on only",
    Way.BY_HAND: "hand",
}
"""The ways, as they stand to be chosen."""
_STARTS = (
    ("", "the network"),
    (BmcBoot.DISC.value, "a disc that its BMC shows it"),
)
_USERS = ("root", "Administrator", "ADMIN", "USERID")
"""As makers deliver them: Dell, HPE, Supermicro, Lenovo."""
_BMCS_FROM = 100
"""Proposed addresses of BMCs begin here, apart from those of machines and virtual machines."""


class BmcForm(Form):
    """A machine of which the file says nothing is switched by hand; `type` is written first."""

    @property
    def way(self) -> Field:
        """The field of the way."""
        return self.fields[0]

    def values(self, data: Value) -> dict[str, str]:
        """Give what the file says, or what holds without a word of it."""
        shown = super().values(data)
        unsaid = Way.BY_HAND if value_at(data, self.way.path[:-1]) is None else Way.REDFISH
        shown[self.way.name] = shown[self.way.name] or unsaid.value
        return shown

    def changes(self, data: Value, given: Mapping[str, str]) -> dict[Path, Value | None]:
        """Give what was typed as changes: the way too where nothing of it is in the file yet.

        An address alone would mean Redfish there, and the form says something else.
        """
        changes = super().changes(data, given)
        if changes and self.way.path not in changes and not value_at(data, self.way.path[:-1]):
            return {self.way.path: self.values(data)[self.way.name], **changes}
        return changes

    def sorted_out(
        self, problems: Iterable[Problem], given: Mapping[str, str]
    ) -> tuple[dict[str, list[Problem]], list[Problem]]:
        """Give each problem to its field; no other has a place here."""
        found = tuple(problems)
        base = path_text(self.way.path[:-1])
        mine = [each for each in found if each.key == base or each.key.startswith(f"{base}.")]
        own, others = super().sorted_out(mine, given)
        return own, [*others, *(each for each in found if each not in mine)]


def bmc_form(name: str) -> BmcForm:
    """Give the form of one machine; the way is its first field."""
    base = machine_path(name, "bmc")
    ways = tuple((way.value, words) for way, words in WAYS.items())
    way = key_field((*base, "type"), "It is switched by", Kind.CHOICE, choices=ways)
    fields = (
        replace(way, unsaid=""),
        key_field((*base, "address"), "Address of its BMC", depends=True),
        key_field((*base, "user"), "User of its BMC", suggestions=_USERS, depends=True),
        key_field((*base, "mac"), "MAC address of its BMC"),
        key_field((*base, "system"), "Which system of a Redfish service"),
        key_field((*base, "boot"), "It starts from", Kind.CHOICE, choices=_STARTS),
    )
    return BmcForm((Group("How is it switched", fields),))


def filled(form: BmcForm, values: Mapping[str, str], found: FoundBmc, plan: Plan) -> dict[str, str]:
    """Give the fields for a machine whose BMC was found; what the file says already stays.

    An address of the dynamic range is another's tomorrow: one beside it is proposed, which this
    laptop then gives to the BMC's card.
    """
    way, address, _, mac, *_ = form.fields
    is_asked = values[way.name] in (Way.REDFISH, Way.IPMI)
    return {
        way.name: values[way.name] if is_asked else Way.REDFISH.value,
        address.name: values[address.name] or lasting_address(found.address, plan),
        mac.name: found.mac,
    }


def lasting_address(heard: str, plan: Plan) -> str:
    """Give the address that a BMC was heard at, or a free one beside the dynamic range it is of.

    Empty where it is not known, or where there is no room.
    """
    address = next(iter(_literal([heard])), None)
    if address is None:
        return ""
    network = next((each for each in plan.networks if address in each.pool), None)
    if network is None:
        return heard
    book = AddressBook(network.cidr, network.pool, _taken(plan, network))
    try:
        return str(book.lowest(min(_BMCS_FROM, network.cidr.num_addresses // 2)))
    except NoRoomError:
        return ""


def _taken(plan: Plan, network: NetworkPlan) -> set[IPv4Address]:
    taken = {network.gateway, network.bridge, *network.dns, *network.ntp, plan.hypervisor.vip}
    taken |= {each.address for each in plan.machines}
    taken |= {each.address for each in plan.vms if each.address is not None}
    if plan.staging is not None:
        taken.add(plan.staging.address)
    said = [each.bmc.host for each in plan.machines]
    if plan.cluster is not None:
        said += [plan.cluster.registration, *plan.cluster.names]
    return taken | set(_literal(said))


def _literal(hosts: Iterable[str]) -> Iterator[IPv4Address]:
    for host in hosts:
        try:
            yield IPv4Address(host)
        except ValueError:
            continue  # a name, or none
