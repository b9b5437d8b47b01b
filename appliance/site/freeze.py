"""What is proposed for a site and then kept: addresses, host names, who creates the cluster.

A proposal is frozen at its first use. So the order of the file never matters, inserting a machine
moves nobody, and a machine taken out keeps its address until it comes back. What the file says
outright stands above what is frozen, unless it would change something already built.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Self

from pydantic import TypeAdapter

from appliance.errors import SiteFileError
from appliance.site.address_book import AddressBook, NoRoomError, free_pool
from appliance.site.model import NetworkSite, Site
from appliance.site.places import (
    VIP_PATH,
    Finding,
    Path,
    Places,
    machine_path,
    network_path,
    nowhere,
)
from appliance.site.plan import AddressRange, Role

_HOSTS_FROM = 10
"""Proposed addresses of VIP and machines begin here: below are a site's own routers and servers."""


@dataclass(frozen=True, slots=True)
class FrozenNetwork:
    """A network's addresses."""

    cidr: IPv4Network
    gateway: IPv4Address
    bridge: IPv4Address
    pool_first: IPv4Address
    pool_last: IPv4Address

    @property
    def pool(self) -> AddressRange:
        """The dynamic range."""
        return AddressRange(self.pool_first, self.pool_last)


@dataclass(frozen=True, slots=True)
class FrozenMachine:
    """A machine's address on the provisioning network, and its host name."""

    address: IPv4Address
    hostname: str


@dataclass(frozen=True, slots=True)
class Frozen:
    """All that is frozen for one site. Machines no longer in the file are kept in it."""

    site: str
    harvester: str
    create: str
    vip: IPv4Address
    networks: dict[str, FrozenNetwork]
    machines: dict[str, FrozenMachine]

    def as_json(self) -> dict[str, Any]:
        """Give it as JSON-ready values, for the store."""
        values: dict[str, Any] = _ADAPTER.dump_python(self, mode="json")
        return values

    @classmethod
    def from_json(cls, values: object) -> Self:
        """Take what `as_json` gave. Raises ValueError for anything else."""
        frozen: Self = _ADAPTER.validate_python(values, strict=False)
        return frozen


_ADAPTER: TypeAdapter[Any] = TypeAdapter(Frozen)


def propose(
    site: Site,
    frozen: Frozen | None = None,
    *,
    built: frozenset[str] = frozenset(),
    places: Places | None = None,
) -> Frozen:
    """Work out all that the file leaves unsaid, keeping what is frozen.

    `built` names the machines on which an installation has begun or is proven: nothing that
    touches them changes. Raises SiteFileError, with places from `places`, where the file asks
    for such a change, or where there is no room.
    """
    if frozen is not None and frozen.site != site.site:
        frozen, built = None, frozenset()
    findings = tuple(_refused_changes(site, frozen, built)) if frozen and built else ()
    if not findings:
        proposer = _Proposer(site, frozen)
        proposed = proposer.propose()
        findings = tuple(proposer.findings)
        if proposed is not None and not findings:
            return proposed
    raise SiteFileError((places or nowhere()).problems(findings))


def create_machine(site: Site, frozen: Frozen | None) -> str:
    """Name the machine that founds the cluster: the one said, else the frozen, else the first."""
    machines = site.hypervisor.machines
    said = sorted(name for name, machine in machines.items() if machine.role is Role.CREATE)
    if said:
        return said[0]
    if frozen and frozen.create in machines and machines[frozen.create].role is not Role.JOIN:
        return frozen.create
    return min(name for name, machine in machines.items() if machine.role is not Role.JOIN)


def _refused_changes(site: Site, frozen: Frozen, built: frozenset[str]) -> Iterator[Finding]:
    network = site.networks[site.provisioning]
    was = frozen.networks.get(site.provisioning)
    names = ", ".join(sorted(built))
    undo = "put the old value back; to change it, name the site anew and install every machine anew"
    said: list[tuple[Path, object, object]] = [
        (("hypervisor", "harvester"), site.hypervisor.harvester, frozen.harvester),
        (VIP_PATH, site.hypervisor.vip, frozen.vip),
    ]
    if was is None:
        path = network_path(site.provisioning)
        yield Finding(path, f"{names} were installed on another network", undo, of_key=True)
    else:
        path = network_path(site.provisioning)
        said.append(((*path, "cidr"), network.cidr, was.cidr))
        said.append(((*path, "gateway"), network.gateway, was.gateway))
    for path, now, before in said:
        if now is not None and now != before:
            yield Finding(path, f"{now} was {before} when {names} were installed", undo)
    create = create_machine(site, frozen)
    if frozen.create in built and frozen.create not in site.hypervisor.machines:
        # Another would take its place, and found a second cluster on the same VIP.
        what = f"{frozen.create}, which created the cluster, is no longer in the file"
        yield Finding(("hypervisor", "machines"), what, f"put {frozen.create} back", of_key=True)
    elif frozen.create in built and create != frozen.create:
        what = f"{frozen.create} created the cluster already"
        yield Finding(machine_path(create, "role"), what, undo)
    for name in sorted(built & frozen.machines.keys()):
        yield from _refused_machine_changes(site, name, frozen.machines[name])


def _refused_machine_changes(site: Site, name: str, was: FrozenMachine) -> Iterator[Finding]:
    machine = site.hypervisor.machines.get(name)
    if machine is None:
        return
    changes = (
        ("address", machine.address, was.address),
        ("hostname", machine.hostname or name, was.hostname),
    )
    for key, now, before in changes:
        if now is not None and now != before:
            what = f"{name} is installed with {before}, and Harvester bears no other"
            fix = f"put {before} back; to change it, first 'provision reinstall SITE {name} --yes'"
            yield Finding(machine_path(name, key), what, fix)


class _Proposer:
    """One working-out of one site. What the file asks against what is frozen are its findings."""

    def __init__(self, site: Site, frozen: Frozen | None) -> None:
        self.site = site
        self.frozen = frozen
        self.findings: list[Finding] = []

    def propose(self) -> Frozen | None:
        """Give what is to be frozen; None where there are findings."""
        networks: dict[str, FrozenNetwork] = {}
        vip = IPv4Address(0)
        machines: dict[str, FrozenMachine] = {}
        for name in sorted(self.site.networks):
            try:
                if name == self.site.provisioning:
                    networks[name], vip, machines = self._provisioning(name)
                else:
                    networks[name] = self._other(name)
            except NoRoomError:
                what = f"{self.site.networks[name].cidr} has no address left to propose"
                fix = "choose a larger subnet, or a shorter pool"
                self.findings.append(Finding(network_path(name, "cidr"), what, fix))
        if self.findings:
            return None
        return Frozen(
            site=self.site.site,
            harvester=self.site.hypervisor.harvester,
            create=create_machine(self.site, self.frozen),
            vip=vip,
            networks=networks,
            machines=machines,
        )

    def _was(self, name: str) -> FrozenNetwork | None:
        """What is frozen of a network; None where it has another subnet now."""
        was = self.frozen.networks.get(name) if self.frozen else None
        return was if was is not None and was.cidr == self.site.networks[name].cidr else None

    def _other(self, name: str) -> FrozenNetwork:
        network, was = self.site.networks[name], self._was(name)
        fixed = dict(_fixed_of_network(name, network))
        book = self._book(network, was, fixed)
        bridge = network.bridge or book.keep(was.bridge if was else None) or book.lowest(1)
        return _settled(network, bridge, book.pool)

    def _provisioning(
        self, name: str
    ) -> tuple[FrozenNetwork, IPv4Address, dict[str, FrozenMachine]]:
        network, was = self.site.networks[name], self._was(name)
        hypervisor = self.site.hypervisor
        old = self.frozen if was else None
        said = _said_addresses(self.site)
        fixed = {**_fixed_of_network(name, network), **_fixed_of_site(self.site)}
        if old and was:
            self._check_nobody_moved(_holders(self.site, old, was), fixed, network, name)
        book = self._book(network, was, fixed)
        # What is frozen is taken up first, what is new after it: it gets what nobody has.
        bridge = network.bridge or book.keep(was.bridge if was else None)
        vip = hypervisor.vip or book.keep(old.vip if old else None)
        addresses = dict(said)
        for key, each in sorted(old.machines.items() if old else ()):
            kept = None if key in said else book.keep(each.address)
            if kept is not None:
                addresses[key] = kept
        start = min(_HOSTS_FROM, network.cidr.num_addresses // 4)
        bridge = bridge or book.lowest(1)
        vip = vip or book.lowest(start)
        for key in sorted(hypervisor.machines.keys() - addresses.keys()):
            addresses[key] = book.lowest(start)
        return _settled(network, bridge, book.pool), vip, _machines(self.site, addresses)

    def _book(
        self, network: NetworkSite, was: FrozenNetwork | None, fixed: dict[Path, IPv4Address]
    ) -> AddressBook:
        taken = set(fixed.values())
        pool = network.pool or (was.pool if was else free_pool(network.cidr, taken))
        if network.pool is None:
            self._check_pool(pool, fixed)
        return AddressBook(network.cidr, pool, taken)

    def _check_pool(self, pool: AddressRange, fixed: dict[Path, IPv4Address]) -> None:
        """The rules know only a pool that is written; this one was proposed."""
        for path, address in fixed.items():
            if address in pool:
                what = f"{address} is inside the dynamic range {pool}, proposed at first use"
                fix = "choose an address outside it, or write the network's pool"
                self.findings.append(Finding(path, what, fix))

    def _check_nobody_moved(
        self,
        holders: dict[IPv4Address, str],
        fixed: dict[Path, IPv4Address],
        network: NetworkSite,
        name: str,
    ) -> None:
        """What one says must not move another who says nothing."""
        for path, address in fixed.items():
            if address in holders:
                what = f"{address} was given to {holders[address]} at first use"
                self.findings.append(Finding(path, what, "choose another address"))
        for address, holder in sorted(holders.items()):
            if network.pool is not None and address in network.pool:
                what = f"{address} in it was given to {holder} at first use"
                fix = "choose a range without it"
                self.findings.append(Finding(network_path(name, "pool"), what, fix))


def _gateway(network: NetworkSite) -> IPv4Address:
    return network.gateway or network.cidr.network_address + 1


def _fixed_of_network(name: str, network: NetworkSite) -> dict[Path, IPv4Address]:
    fixed = {network_path(name, "gateway"): _gateway(network)}
    if network.bridge is not None:
        fixed[network_path(name, "bridge")] = network.bridge
    return fixed


def _fixed_of_site(site: Site) -> dict[Path, IPv4Address]:
    said = _said_addresses(site)
    fixed = {machine_path(name, "address"): address for name, address in said.items()}
    if site.hypervisor.vip is not None:
        fixed[VIP_PATH] = site.hypervisor.vip
    return fixed


def _said_addresses(site: Site) -> dict[str, IPv4Address]:
    machines = sorted(site.hypervisor.machines.items())
    return {name: each.address for name, each in machines if each.address is not None}


def _holders(site: Site, old: Frozen, was: FrozenNetwork) -> dict[IPv4Address, str]:
    """Who holds a frozen address and says nothing of it in the file."""
    said = _said_addresses(site)
    holders = {
        each.address: f"machine {name}"
        for name, each in old.machines.items()
        if name in site.hypervisor.machines and name not in said
    }
    if site.hypervisor.vip is None:
        holders[old.vip] = "hypervisor.vip"
    if site.networks[site.provisioning].bridge is None:
        holders[was.bridge] = "the bridge"
    return holders


def _settled(network: NetworkSite, bridge: IPv4Address, pool: AddressRange) -> FrozenNetwork:
    return FrozenNetwork(network.cidr, _gateway(network), bridge, pool.first, pool.last)


def _machines(site: Site, addresses: dict[str, IPv4Address]) -> dict[str, FrozenMachine]:
    machines: dict[str, FrozenMachine] = {}
    for name in sorted(addresses):
        machine = site.hypervisor.machines.get(name)
        hostname = machine.hostname if machine else None
        machines[name] = FrozenMachine(addresses[name], hostname or name)
    return machines
