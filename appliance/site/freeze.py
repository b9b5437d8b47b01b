"""What is proposed for a site and then kept: addresses, host names, who creates the cluster.

A proposal is frozen at its first use. So the order of the file never matters, inserting a machine
moves nobody, and a machine taken out keeps its address until it comes back. What the file says
outright stands above what is frozen, unless it would change something already built.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Self

from pydantic import TypeAdapter

from appliance.errors import SiteFileError
from appliance.site.model import NetworkSite, Site
from appliance.site.places import Finding, Path, Places, nowhere
from appliance.site.plan import AddressRange, Role
from appliance.site.rules import VIP_PATH, machine_path, network_path

_HOSTS_FROM = 10
"""Proposed addresses of VIP and machines begin here: below are a site's own routers and servers."""
_MAX_POOL = 1024
_MIN_POOL = 1


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
    undo = "put the old value back; to change it, 'provision undo' and install every machine anew"
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
            fix = f"put {before} back; to change it, 'provision reinstall {name}' with a new disk"
            yield Finding(machine_path(name, key), what, fix)


class _NoRoomError(Exception):
    """A network has no address left."""


class _Proposer:
    """One working-out: what is taken grows as addresses are given."""

    def __init__(self, site: Site, frozen: Frozen | None) -> None:
        self.site = site
        self.frozen = frozen
        self.findings: list[Finding] = []

    def propose(self) -> Frozen | None:
        networks: dict[str, FrozenNetwork] = {}
        main = self.site.provisioning
        machines: dict[str, FrozenMachine] = {}
        vip = IPv4Address(0)
        for name in sorted(self.site.networks):
            try:
                if name == main:
                    networks[name], vip, machines = self._provisioning(name)
                else:
                    networks[name] = self._other(name)
            except _NoRoomError:
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
        was = self.frozen.networks.get(name) if self.frozen else None
        return was if was is not None and was.cidr == self.site.networks[name].cidr else None

    def _other(self, name: str) -> FrozenNetwork:
        network, was = self.site.networks[name], self._was(name)
        gateway = _gateway(network)
        taken = {gateway, *_given(network.bridge)}
        pool = network.pool or (was.pool if was else _free_pool(network.cidr, taken))
        bridge = network.bridge or _keep(was.bridge if was else None, taken, pool, network)
        bridge = bridge or _lowest_free(network.cidr, taken, pool, 1)
        return FrozenNetwork(network.cidr, gateway, bridge, pool.first, pool.last)

    def _provisioning(
        self, name: str
    ) -> tuple[FrozenNetwork, IPv4Address, dict[str, FrozenMachine]]:
        network, was = self.site.networks[name], self._was(name)
        hypervisor = self.site.hypervisor
        gateway = _gateway(network)
        said = {
            key: machine.address
            for key, machine in hypervisor.machines.items()
            if machine.address is not None
        }
        taken = {gateway, *_given(network.bridge), *_given(hypervisor.vip), *said.values()}
        old = self.frozen if was else None
        kept = {key: each.address for key, each in old.machines.items()} if old else {}
        pool = network.pool or (was.pool if was else _free_pool(network.cidr, taken))
        self._check_pool(said, pool, name)
        if old:
            self._check_frozen(said, old)
        # Frozen values first, then new ones: a new machine gets what nobody has.
        bridge = network.bridge or _keep(was.bridge if was else None, taken, pool, network)
        taken |= {*_given(bridge)}
        vip = hypervisor.vip or _keep(old.vip if old else None, taken, pool, network)
        taken |= {*_given(vip)}
        addresses = dict(said)
        for key in sorted(kept.keys() - said.keys()):
            address = _keep(kept[key], taken, pool, network)
            if address is not None:
                addresses[key] = address
                taken.add(address)
        bridge = bridge or _lowest_free(network.cidr, taken, pool, 1)
        taken.add(bridge)
        start = min(_HOSTS_FROM, network.cidr.num_addresses // 4)
        vip = vip or _lowest_free(network.cidr, taken, pool, start)
        taken.add(vip)
        for key in sorted(hypervisor.machines.keys() - addresses.keys()):
            addresses[key] = _lowest_free(network.cidr, taken, pool, start)
            taken.add(addresses[key])
        settled = FrozenNetwork(network.cidr, gateway, bridge, pool.first, pool.last)
        return settled, vip, self._machines(addresses)

    def _machines(self, addresses: dict[str, IPv4Address]) -> dict[str, FrozenMachine]:
        machines: dict[str, FrozenMachine] = {}
        for name in sorted(addresses):
            machine = self.site.hypervisor.machines.get(name)
            hostname = machine.hostname if machine else None
            machines[name] = FrozenMachine(addresses[name], hostname or name)
        return machines

    def _check_pool(self, said: dict[str, IPv4Address], pool: AddressRange, name: str) -> None:
        fixed = [(machine_path(key, "address"), address) for key, address in said.items()]
        if self.site.hypervisor.vip is not None:
            fixed.append((VIP_PATH, self.site.hypervisor.vip))
        for path, address in fixed:
            if address in pool:
                what = f"{address} is inside the dynamic range {pool}, proposed at first use"
                fix = f"choose an address outside it, or write networks.{name}.pool"
                self.findings.append(Finding(path, what, fix))

    def _check_frozen(self, said: dict[str, IPv4Address], old: Frozen) -> None:
        """What one says must not move another who says nothing."""
        hypervisor = self.site.hypervisor
        holders = {
            each.address: f"machine {name}"
            for name, each in old.machines.items()
            if name in hypervisor.machines and name not in said
        }
        if hypervisor.vip is None:
            holders[old.vip] = "hypervisor.vip"
        asked = [(machine_path(name, "address"), address) for name, address in said.items()]
        asked += [(VIP_PATH, address) for address in _given(hypervisor.vip)]
        network = self.site.networks[self.site.provisioning]
        path = network_path(self.site.provisioning)
        asked += [((*path, "bridge"), address) for address in _given(network.bridge)]
        asked.append(((*path, "gateway"), _gateway(network)))
        for path, address in asked:
            if address in holders:
                what = f"{address} was given to {holders[address]} at first use"
                self.findings.append(Finding(path, what, "choose another address"))


def _given(address: IPv4Address | None) -> tuple[IPv4Address, ...]:
    return () if address is None else (address,)


def _gateway(network: NetworkSite) -> IPv4Address:
    return network.gateway or network.cidr.network_address + 1


def _keep(
    address: IPv4Address | None,
    taken: set[IPv4Address],
    pool: AddressRange,
    network: NetworkSite,
) -> IPv4Address | None:
    """Keep a frozen address, if it is still free to be kept."""
    if address is None or address in taken or address in pool or address not in network.cidr:
        return None
    return address


def _lowest_free(
    cidr: IPv4Network, taken: set[IPv4Address], pool: AddressRange, start: int
) -> IPv4Address:
    address, last = cidr.network_address + start, cidr.broadcast_address
    while address < last:
        if address in pool:
            address = pool.last + 1
        elif address in taken:
            address += 1
        else:
            return address
    if start > 1:
        return _lowest_free(cidr, taken, pool, 1)
    raise _NoRoomError


def _free_pool(cidr: IPv4Network, taken: Iterable[IPv4Address]) -> AddressRange:
    """Find the longest free run in the last quarter of a network; of equals the first."""
    end = int(cidr.broadcast_address)
    first = end + 1 - min(cidr.num_addresses // 4, _MAX_POOL)
    cuts = sorted(int(each) for each in taken if first <= int(each) < end)
    runs: list[tuple[int, int]] = []
    for cut in (*cuts, end):
        runs.append((first, cut - 1))
        first = cut + 1
    best = max(runs, key=lambda run: (run[1] - run[0], -run[0]))
    if best[1] - best[0] + 1 < _MIN_POOL:
        raise _NoRoomError
    return AddressRange(IPv4Address(best[0]), IPv4Address(best[1]))
