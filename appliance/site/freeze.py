"""What is proposed for a site and then kept: addresses, host names, who creates the cluster.

A proposal is frozen at its first use. So the order of the file never matters, inserting a machine
moves nobody, and a machine taken out keeps its address until it comes back. What the file says
outright stands above what is frozen, unless it would change something already built.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.errors import SiteFileError
from appliance.site.address_book import AddressBook, NoRoomError, free_pool
from appliance.site.bmc_rules import bmc_addresses
from appliance.site.built import create_machine, image_file_of, refused_changes, registration
from appliance.site.frozen import (
    Frozen,
    FrozenCluster,
    FrozenMachine,
    FrozenNetwork,
    FrozenVm,
)
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
from appliance.site.plan import AddressRange
from appliance.site.versions import DEFAULT_IMAGE, DEFAULT_IMAGE_URL
from appliance.site.vms import STAGING, WantedVm, wanted_vms
from appliance.values import Mac

_HOSTS_FROM = 10
"""Proposed addresses of VIP and machines begin here: below are a site's own routers and servers."""
_VMS_FROM = 50
"""Those of virtual machines begin here, so that machines added later stand beside the others."""


def propose(
    site: Site,
    frozen: Frozen | None = None,
    *,
    built: frozenset[str] = frozenset(),
    places: Places | None = None,
) -> Frozen:
    """Work out all that the file leaves unsaid, keeping what is frozen.

    `built` names the machines on which an installation has begun or is proven, and the virtual
    machines that were made: nothing that touches them changes. Raises SiteFileError, with places
    from `places`, where the file asks for such a change, or where there is no room.
    """
    if frozen is not None and frozen.site != site.site:
        frozen, built = None, frozenset()
    findings = tuple(refused_changes(site, frozen, built)) if frozen and built else ()
    if not findings:
        proposer = _Proposer(site, frozen)
        proposed = proposer.propose()
        findings = tuple(proposer.findings)
        if proposed is not None and not findings:
            return proposed
    raise SiteFileError((places or nowhere()).problems(findings))


@dataclass(slots=True)
class _Settled:
    """One network and all that stands on it; a VIP is on the provisioning one alone."""

    network: FrozenNetwork
    vip: IPv4Address | None
    machines: dict[str, IPv4Address]
    vms: dict[str, IPv4Address]


class _Proposer:
    """One working-out of one site. What the file asks against what is frozen are its findings."""

    def __init__(self, site: Site, frozen: Frozen | None) -> None:
        self.site = site
        self.frozen = frozen
        self.vms = wanted_vms(site)
        self.findings: list[Finding] = []

    def propose(self) -> Frozen | None:
        """Give what is to be frozen; None where there are findings."""
        settled: dict[str, _Settled] = {}
        for name in sorted(self.site.networks):
            try:
                settled[name] = self._settle(name)
            except NoRoomError:
                what = f"{self.site.networks[name].cidr} has no address left to propose"
                fix = "choose a larger subnet, or a shorter pool"
                self.findings.append(Finding(network_path(name, "cidr"), what, fix))
        if self.findings:
            return None
        addresses = {key: value for each in settled.values() for key, value in each.vms.items()}
        images = self._images()
        main = settled[self.site.provisioning]
        return Frozen(
            site=self.site.site,
            harvester=self.site.hypervisor.harvester,
            create=create_machine(self.site, self.frozen),
            vip=main.vip or IPv4Address(0),
            networks={name: each.network for name, each in settled.items()},
            machines=_machines(self.site, main.machines),
            vms=self._vms(addresses, images),
            images=images,
            cluster=self._cluster(),
            staging=addresses[STAGING] if self.site.has_staging else None,
            discovered=dict(self.frozen.discovered) if self.frozen else {},
        )

    def _was(self, name: str) -> FrozenNetwork | None:
        """What is frozen of a network; None where it has another subnet now."""
        was = self.frozen.networks.get(name) if self.frozen else None
        return was if was is not None and was.cidr == self.site.networks[name].cidr else None

    def _settle(self, name: str) -> _Settled:
        network, was, site = self.site.networks[name], self._was(name), self.site
        is_main = name == site.provisioning
        old = self.frozen if was else None
        fixed = self._fixed(name)
        if old and was:
            self._check_nobody_moved(self._holders(name, old, was), fixed, network, name)
        book = self._book(network, was, fixed)
        # What is frozen is taken up first, what is new after it: it gets what nobody has.
        bridge = network.bridge or book.keep(was.bridge if was else None)
        vip = site.hypervisor.vip if is_main else None
        machines: dict[str, IPv4Address] = _said_addresses(site) if is_main else {}
        if is_main and old:
            vip = vip or book.keep(old.vip)
            _keep(machines, {key: each.address for key, each in old.machines.items()}, book)
        vms = {
            each.name: each.address
            for each in self.vms
            if each.network == name and each.address is not None
        }
        _keep(vms, self._kept_vms(name, old), book)
        bridge = bridge or book.lowest(1)
        if is_main:
            start = min(_HOSTS_FROM, network.cidr.num_addresses // 4)
            vip = vip or book.lowest(start)
            for key in sorted(site.hypervisor.machines.keys() - machines.keys()):
                machines[key] = book.lowest(start)
        for vm in self.vms:
            if vm.network == name and vm.name not in vms and not vm.settles_its_own:
                vms[vm.name] = book.lowest(min(_VMS_FROM, network.cidr.num_addresses // 2))
        return _Settled(_settled(network, bridge, book.pool), vip, machines, vms)

    def _fixed(self, name: str) -> dict[Path, IPv4Address]:
        """Every address that the file says outright on one network."""
        network = self.site.networks[name]
        fixed = dict(_fixed_of_network(name, network))
        if name == self.site.provisioning:
            fixed |= _fixed_of_site(self.site)
        for vm in self.vms:
            if vm.network == name and vm.address is not None:
                fixed[vm.address_path] = vm.address
        fixed |= bmc_addresses(self.site, network.cidr)
        balancer = self.site.cluster.address if self.site.cluster else None
        if balancer is not None and balancer in network.cidr:
            fixed["cluster", "address"] = balancer
        return fixed

    def _kept_vms(self, name: str, old: Frozen | None) -> dict[str, IPv4Address]:
        """The frozen addresses on a network, of virtual machines that did not move to another."""
        wanted = {each.name: each for each in self.vms}
        return {
            key: each.address
            for key, each in (old.vms if old else {}).items()
            if each.network == name and each.address is not None
            if key not in wanted or _holds(wanted[key], name)
        }

    def _holders(self, name: str, old: Frozen, was: FrozenNetwork) -> dict[IPv4Address, str]:
        """Who holds a frozen address and says nothing of it in the file."""
        said = {each.name for each in self.vms if each.address is not None}
        wanted = {each.name for each in self.vms}
        holders = {
            address: f"virtual machine {key}"
            for key, address in self._kept_vms(name, old).items()
            if key in wanted - said
        }
        if name == self.site.provisioning:
            holders |= _holders_of_site(self.site, old)
        if self.site.networks[name].bridge is None:
            holders[was.bridge] = "the bridge"
        return holders

    def _vms(
        self, addresses: dict[str, IPv4Address], images: dict[str, str]
    ) -> dict[str, FrozenVm]:
        old = self.frozen.vms if self.frozen else {}
        wanted = {vm.name for vm in self.vms}
        vms = {key: each for key, each in old.items() if key not in wanted}
        machines = self.site.hypervisor.machines.values()
        taken = {str(mac) for each in machines for mac in each.all_macs}
        taken |= {each.mac for each in old.values()}
        found = self.frozen.discovered.values() if self.frozen else ()
        taken |= {mac for each in found for mac in each.macs}
        for vm in self.vms:
            was = old.get(vm.name)
            mac = was.mac if was else derived_mac(self.site.site, vm.name, taken)
            taken.add(mac)
            vms[vm.name] = FrozenVm(
                network=vm.network,
                mac=mac,
                address=addresses.get(vm.name),
                image=image_file_of(self.site, images, vm.image or vm.iso or ""),
                disk=vm.size.disk,
            )
        return {key: vms[key] for key in sorted(vms)}

    def _images(self) -> dict[str, str]:
        """The default image's URL is a proposal too: a newer default changes no site."""
        if not self.vms or DEFAULT_IMAGE in self.site.images:
            return {}
        old = self.frozen.images if self.frozen else {}
        return {DEFAULT_IMAGE: old.get(DEFAULT_IMAGE, DEFAULT_IMAGE_URL)}

    def _cluster(self) -> FrozenCluster | None:
        said = self.site.cluster
        if said is None:
            return None
        return FrozenCluster(
            version=said.rke2 or said.k3s or "",
            registration=registration(self.site, said),
            cis=said.profile is not None,
            servers=said.servers,
        )

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


def _holders_of_site(site: Site, old: Frozen) -> dict[IPv4Address, str]:
    said = _said_addresses(site)
    holders = {
        each.address: f"machine {name}"
        for name, each in old.machines.items()
        if name in site.hypervisor.machines and name not in said
    }
    if site.hypervisor.vip is None:
        holders[old.vip] = "hypervisor.vip"
    return holders


def _keep(given: dict[str, IPv4Address], frozen: dict[str, IPv4Address], book: AddressBook) -> None:
    """Take up frozen addresses for whoever has none, in the order of names."""
    for key in sorted(frozen.keys() - given.keys()):
        kept = book.keep(frozen[key])
        if kept is not None:
            given[key] = kept


def _holds(vm: WantedVm, network: str) -> bool:
    return vm.network == network and not vm.settles_its_own


def derived_mac(site_id: str, name: str, taken: Collection[str]) -> str:
    """Give a locally administered MAC, the same for the same site and name; never a taken one."""
    seed = hashlib.sha256(f"{site_id}/{name}".encode()).hexdigest()
    mac = str(Mac(f"02{seed[:10]}"))
    return derived_mac(site_id, f"{name}/again", taken) if mac in taken else mac


def _settled(network: NetworkSite, bridge: IPv4Address, pool: AddressRange) -> FrozenNetwork:
    return FrozenNetwork(network.cidr, _gateway(network), bridge, pool.first, pool.last)


def _machines(site: Site, addresses: dict[str, IPv4Address]) -> dict[str, FrozenMachine]:
    machines: dict[str, FrozenMachine] = {}
    for name in sorted(addresses):
        machine = site.hypervisor.machines.get(name)
        hostname = machine.hostname if machine else None
        machines[name] = FrozenMachine(addresses[name], hostname or name)
    return machines
