"""The rules of how machines are switched: a BMC has all it needs, and an address of its own."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from appliance import advice
from appliance.site.bmc_model import ASKED_BY_NETWORK, BmcSite
from appliance.site.model import Site
from appliance.site.places import VIP_PATH, Finding, Path, machine_path, network_path, path_text
from appliance.site.plan import Way, bmc_host
from appliance.site.vms import wanted_vms
from appliance.values import Mac


def bmc_complete(site: Site) -> Iterator[Finding]:
    """A way of switching has what it needs, and nothing that it would not read."""
    for name, bmc in _bmcs(site):
        path = machine_path(name, "bmc")
        if bmc.type in ASKED_BY_NETWORK:
            yield from _missing(path, bmc)
        else:
            yield from _unread(path, bmc, ("address", "user", "system", "mac", "boot"))
        if bmc.type is Way.IPMI:
            yield from _unread(path, bmc, ("system", "boot"))
            if bmc.address and "://" in bmc.address:
                what = f"{bmc.address} is a URL, and IPMI has none"
                yield Finding((*path, "address"), what, f"write {bmc_host(bmc.address)}")
        if bmc.type is Way.WAKE_ON_LAN and not site.hypervisor.machines[name].all_macs:
            what = "Wake-on-LAN needs the machine's MAC address, and none is given"
            yield Finding((*path, "type"), what, advice.write_mac(name))


def _missing(path: Path, bmc: BmcSite) -> Iterator[Finding]:
    for key, value, such in (("address", bmc.address, "10.20.0.51"), ("user", bmc.user, "root")):
        if value is None:
            what = f"no {key} is given, and {bmc.type.value} needs one"
            yield Finding((*path, key), what, f"write {key}: {such}", of_key=True)
    if bmc.mac is not None and bmc.address is not None and _literal(bmc.address) is None:
        what = "only an IPv4 address can be given to the BMC with this card"
        yield Finding((*path, "mac"), what, "write the BMC's address as four numbers")


def _unread(path: Path, bmc: BmcSite, keys: tuple[str, ...]) -> Iterator[Finding]:
    for key in keys:
        if getattr(bmc, key) is not None:
            what = f"{bmc.type.value} has no use for it"
            yield Finding((*path, key), what, advice.other_type())


def bmc_systems_apart(site: Site) -> Iterator[Finding]:
    """No two machines are the same system of one BMC: one would be switched for the other."""
    seen: dict[tuple[str, int | None], list[tuple[str, str]]] = {}
    for name, bmc in _bmcs(site):
        if bmc.address is None:
            continue
        place = seen.setdefault(_endpoint(bmc.address), [])
        for other, system in place:
            path = machine_path(name, "bmc", "address")
            related = (machine_path(other, "bmc", "address"),)
            if system == (bmc.system or ""):
                what = f"{bmc.address} switches {other} already"
                fix = f"read it again from each machine; {advice.name_system()}"
                yield Finding(path, what, fix, related)
                break
            if not system or not bmc.system:
                what = f"{bmc.address} switches {other} too, and not both say which system they are"
                yield Finding(path, what, advice.name_systems(), related)
                break
        place.append((name, bmc.system or ""))


def bmc_addresses_apart(site: Site) -> Iterator[Finding]:
    """A BMC's address is nobody else's, in no dynamic range, and its card is no machine's."""
    others = _addresses_of_others(site)
    for name, network in sorted(site.networks.items()):
        for path, address in bmc_addresses(site, network.cidr).items():
            if address in (network.cidr.network_address, network.cidr.broadcast_address):
                what = f"{address} is no host address of {network.cidr}"
                yield Finding(path, what, "read it again", (network_path(name, "cidr"),))
            elif network.pool is not None and address in network.pool:
                what = f"{address} is inside the dynamic range {network.pool}"
                fix = f"choose an address outside it, or shorten networks.{name}.pool"
                yield Finding(path, what, fix, (network_path(name, "pool"),))
            elif address in others:
                what = f"{address} is also {path_text(others[address])}"
                yield Finding(path, what, "give each its own address", (others[address],))
    yield from _cards_apart(site)


def _cards_apart(site: Site) -> Iterator[Finding]:
    cards: dict[Mac, Path] = {}
    for name, machine in sorted(site.hypervisor.machines.items()):
        cards |= {mac: machine_path(name) for mac in machine.all_macs}
    for name, bmc in _bmcs(site):
        if bmc.mac is None:
            continue
        path = machine_path(name, "bmc", "mac")
        if bmc.mac in cards:
            what = f"{bmc.mac} is also {path_text(cards[bmc.mac])}"
            fix = "a BMC has a card of its own, even where it shares the socket: read its label"
            yield Finding(path, what, fix, (cards[bmc.mac],))
        cards[bmc.mac] = path


def bmc_addresses(site: Site, cidr: IPv4Network) -> dict[Path, IPv4Address]:
    """Give the BMC addresses within a network, by where they stand in the file."""
    found = {
        machine_path(name, "bmc", "address"): _literal(bmc.address)
        for name, bmc in _bmcs(site)
        if bmc.address is not None
    }
    return {path: address for path, address in found.items() if address and address in cidr}


def _addresses_of_others(site: Site) -> dict[IPv4Address, Path]:
    """Whose an address is already. Not the gateways: a host beside the site may be both."""
    others = {each.address: each.address_path for each in wanted_vms(site) if each.address}
    for name, machine in sorted(site.hypervisor.machines.items()):
        if machine.address is not None:
            others[machine.address] = machine_path(name, "address")
    for name, network in sorted(site.networks.items()):
        if network.bridge is not None:
            others[network.bridge] = network_path(name, "bridge")
    if site.hypervisor.vip is not None:
        others[site.hypervisor.vip] = VIP_PATH
    return others


def _bmcs(site: Site) -> list[tuple[str, BmcSite]]:
    machines = sorted(site.hypervisor.machines.items())
    return [(name, each.bmc) for name, each in machines if each.bmc is not None]


def _endpoint(address: str) -> tuple[str, int | None]:
    """Host and port, alike for `10.20.0.51`, `https://10.20.0.51` and `10.20.0.51:443`."""
    host = bmc_host(address)
    port = address.rpartition("://")[2].partition("/")[0].partition(":")[2]
    default = 80 if address.startswith("http://") else 443
    return host.lower(), int(port) if port and int(port) != default else None


def _literal(address: str) -> IPv4Address | None:
    try:
        return IPv4Address(bmc_host(address))
    except ValueError:
        return None
