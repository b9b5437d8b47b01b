"""The rules between the values of a site: each one small function, all in one tuple.

Pure: a Site in, findings out. What a single value must look like is its type's matter
(`site/scalars.py`); what depends on frozen values is `site/freeze.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network

from appliance.site.bmc_rules import bmc_addresses_apart, bmc_complete, bmc_systems_apart
from appliance.site.capacity import hardware_large_enough, vms_fit_disks, vms_fit_memory
from appliance.site.match_rules import identifiers_tell_machines, match_said_once, matches_apart
from appliance.site.model import MachineSite, MatchSite, Site
from appliance.site.places import (
    VIP_PATH,
    Finding,
    Path,
    machine_path,
    network_path,
    path_text,
    vm_path,
)
from appliance.site.plan import ExpectedFirmware, Role
from appliance.site.scalars import NetworkRole
from appliance.site.vm_rules import (
    cluster_options_fit,
    images_sensible,
    staging_images_apart,
    vm_firmware_sensible,
    vm_images_known,
    vm_names_free,
    vm_networks_known,
    vm_sizes_whole,
    vm_sources_sensible,
)
from appliance.site.vms import wanted_vms

Rule = Callable[[Site], Iterator[Finding]]

HARVESTER_RANGES = (
    (IPv4Network("10.52.0.0/16"), "Harvester's pods"),
    (IPv4Network("10.53.0.0/16"), "Harvester's services"),
)
CLUSTER_RANGES = (
    (IPv4Network("10.42.0.0/16"), "the cluster's pods"),
    (IPv4Network("10.43.0.0/16"), "the cluster's services"),
)
RESERVED_NAMES = ("bridge", "gateway", "harvester", "localhost", "vip")
"""Names that the site's DNS gives to other things than machines."""
CLUSTER_NAMES = ("cluster",)
STAGING_NAMES = ("ntp", "registry")
"""And those it gives where there is a cluster, and where there is a staging machine."""
LAPTOP_FOLDERS = ("depot", "keys", "web-interface")
"""Names under the laptop's state folder that belong to all sites (`appliance/paths.py`)."""


def broken_rules(site: Site) -> tuple[Finding, ...]:
    """Ask every rule; give all that is broken."""
    return tuple(finding for rule in RULES for finding in rule(site))


def _machines(site: Site) -> Iterable[tuple[str, MachineSite]]:
    return sorted(site.hypervisor.machines.items())


def site_id_free(site: Site) -> Iterator[Finding]:
    """A site's folder does not fall on one that all sites of the laptop share."""
    if site.site in LAPTOP_FOLDERS:
        what = f"the laptop keeps the files of all sites under the name {site.site}"
        yield Finding(("site",), what, "choose another id, such as the place's name")


def one_provisioning_network(site: Site) -> Iterator[Finding]:
    """Machines boot on exactly one network."""
    names = site.networks_for(NetworkRole.PROVISIONING)
    if not names:
        yield Finding(
            ("networks",), "no network is for provisioning", "give one of them role: provisioning"
        )
    for name in names[1:]:
        yield Finding(
            network_path(name, "role"),
            f"network {names[0]} is for provisioning already",
            "give one of the two role: vm",
        )


def networks_have_subnets(site: Site) -> Iterator[Finding]:
    """Every network but that for provisioning says its subnet."""
    said = [each.cidr for each in site.networks.values() if "cidr" in each.model_fields_set]
    taken = [*said, site.networks[site.provisioning].cidr]
    taken += [cidr for cidr, _owner in (*HARVESTER_RANGES, *CLUSTER_RANGES)]
    all_of_ten = (IPv4Network(f"10.{number}.0.0/24") for number in range(21, 256))
    free = (each for each in all_of_ten if not any(map(each.overlaps, taken)))
    for name in sorted(_without_subnet(site)):
        fix = f"write cidr: {next(free, '…')}"
        yield Finding(network_path(name, "cidr"), "no subnet is given", fix)


def _without_subnet(site: Site) -> frozenset[str]:
    return frozenset(
        name
        for name, network in site.networks.items()
        if name != site.provisioning and "cidr" not in network.model_fields_set
    )


def networks_apart(site: Site) -> Iterator[Finding]:
    """No two networks share addresses or a VLAN."""
    networks = sorted(site.networks.items())
    silent = _without_subnet(site)
    for index, (name, network) in enumerate(networks):
        for other, earlier in networks[:index]:
            related = (network_path(other, "cidr"),)
            if network.cidr.overlaps(earlier.cidr) and not silent & {name, other}:
                what = f"{network.cidr} overlaps {earlier.cidr} of network {other}"
                yield Finding(
                    network_path(name, "cidr"), what, "give each network its own subnet", related
                )
            if network.vlan == earlier.vlan:
                tag = "untagged" if network.vlan is None else f"on VLAN {network.vlan}"
                yield Finding(
                    network_path(name, "vlan"),
                    f"network {other} is {tag} as well",
                    "give each network its own VLAN; one may be untagged",
                    (network_path(other, "vlan"),),
                )


def networks_beside_clusters(site: Site) -> Iterator[Finding]:
    """No network takes the addresses that Harvester or the cluster use inside."""
    taken = HARVESTER_RANGES + (CLUSTER_RANGES if site.cluster else ())
    for name, network in sorted(site.networks.items()):
        for cidr, owner in taken:
            if network.cidr.overlaps(cidr):
                what = f"{network.cidr} overlaps {cidr}, which {owner} use"
                yield Finding(network_path(name, "cidr"), what, "choose another subnet")


def network_has_room(site: Site) -> Iterator[Finding]:
    """A network holds gateway, bridge, VIP, machines and a pool."""
    for name, network in sorted(site.networks.items()):
        if not 8 <= network.cidr.prefixlen <= 28:
            what = f"a /{network.cidr.prefixlen} is too {_extent(network.cidr)} for a site"
            yield Finding(network_path(name, "cidr"), what, "choose a prefix from /8 to /28")


def _extent(cidr: IPv4Network) -> str:
    return "small" if cidr.prefixlen > 28 else "large"


def network_addresses_inside(site: Site) -> Iterator[Finding]:
    """Gateway, bridge and pool are host addresses of their network."""
    for name, network in sorted(site.networks.items()):
        cidr_path = network_path(name, "cidr")
        for key, address in (("gateway", network.gateway), ("bridge", network.bridge)):
            if address is not None:
                yield from _inside(network_path(name, key), address, network.cidr, cidr_path)
        if network.pool is not None:
            for end in (network.pool.first, network.pool.last):
                yield from _inside(network_path(name, "pool"), end, network.cidr, cidr_path)


def site_addresses_inside(site: Site) -> Iterator[Finding]:
    """The VIP and the machines are on the provisioning network, others on their own."""
    for name, network in sorted(site.networks.items()):
        for path, address in _site_addresses(site, name):
            yield from _inside(path, address, network.cidr, network_path(name, "cidr"))


def _site_addresses(site: Site, network: str) -> Iterator[tuple[Path, IPv4Address]]:
    if network == site.provisioning:
        if site.hypervisor.vip is not None:
            yield VIP_PATH, site.hypervisor.vip
        for name, machine in _machines(site):
            if machine.address is not None:
                yield machine_path(name, "address"), machine.address
    for vm in wanted_vms(site):
        if vm.address is not None and vm.network == network:
            yield vm.address_path, vm.address


def _balancer(site: Site) -> Iterator[tuple[Path, IPv4Address]]:
    if site.cluster is not None and site.cluster.address is not None:
        yield ("cluster", "address"), site.cluster.address


def _inside(
    path: Path, address: IPv4Address, cidr: IPv4Network, cidr_path: Path
) -> Iterator[Finding]:
    first, last = cidr.network_address + 1, cidr.broadcast_address - 1
    if address not in cidr:
        yield Finding(
            path, f"{address} is not in {cidr}", f"choose from {first} to {last}", (cidr_path,)
        )
    elif address in (cidr.network_address, cidr.broadcast_address):
        kind = "network's own" if address == cidr.network_address else "broadcast"
        what = f"{address} is the {kind} address of {cidr}"
        yield Finding(path, what, f"choose from {first} to {last}", (cidr_path,))


def addresses_outside_pool(site: Site) -> Iterator[Finding]:
    """No fixed address is in the dynamic range, where another machine could be given it."""
    for name, network in sorted(site.networks.items()):
        if network.pool is None:
            continue
        fixed = [
            (network_path(name, key), address)
            for key, address in (("gateway", network.gateway), ("bridge", network.bridge))
            if address is not None
        ]
        fixed += [*_site_addresses(site, name), *_balancer(site)]
        for path, address in fixed:
            if address in network.pool:
                yield Finding(
                    path,
                    f"{address} is inside the dynamic range {network.pool}",
                    f"choose an address outside it, or shorten networks.{name}.pool",
                    (network_path(name, "pool"),),
                )


def addresses_unique(site: Site) -> Iterator[Finding]:
    """No address is given twice."""
    owners: list[tuple[Path, Hashable]] = []
    for name, network in sorted(site.networks.items()):
        gateway = network.gateway or network.cidr.network_address + 1
        owners.append((network_path(name, "gateway"), gateway))
        if network.bridge is not None:
            owners.append((network_path(name, "bridge"), network.bridge))
        owners += _site_addresses(site, name)
    owners += _balancer(site)
    yield from _unique(owners, "give each its own address")


def _unique(owners: Iterable[tuple[Path, Hashable]], fix: str) -> Iterator[Finding]:
    seen: dict[Hashable, Path] = {}
    for path, value in owners:
        if value in seen:
            first = seen[value]
            yield Finding(path, f"{value} is also {path_text(first)}", fix, (first,))
        else:
            seen[value] = path


def macs_unique(site: Site) -> Iterator[Finding]:
    """No MAC address belongs to two machines, or stands twice."""
    owners: list[tuple[Path, Hashable]] = []
    for name, machine in _machines(site):
        if machine.mac is not None:
            owners.append((machine_path(name, "mac"), machine.mac))
        owners += [((*machine_path(name, "macs"), i), mac) for i, mac in enumerate(machine.macs)]
        alone = machine.mac is None and not machine.macs  # else match_said_once says it
        if machine.match is not None and machine.match.mac is not None and alone:
            owners.append((machine_path(name, "match", "mac"), machine.match.mac))
    yield from _unique(owners, "read it again from each machine's label")


def mac_or_macs(site: Site) -> Iterator[Finding]:
    """A machine has one MAC address or a list of them, so that nobody wonders which one counts."""
    for name, machine in _machines(site):
        if machine.mac is not None and machine.macs:
            what = "mac and macs are both given"
            yield Finding(machine_path(name, "macs"), what, "write them all under macs")


def hostnames_unique(site: Site) -> Iterator[Finding]:
    """No two machines share a host name, and none takes a name of the site itself."""
    owners: list[tuple[Path, Hashable]] = []
    for name, machine in _machines(site):
        path = machine_path(name, "hostname") if machine.hostname else machine_path(name)
        hostname = machine.hostname or name
        owners.append((path, hostname))
        if hostname in _reserved(site):
            what = f"the name {hostname} belongs to the site itself"
            yield Finding(path, what, "choose another hostname", of_key=not machine.hostname)
    for name in sorted(site.vms):
        if name in _reserved(site):
            what = f"the name {name} belongs to the site itself"
            yield Finding(vm_path(name), what, "choose another name", of_key=True)
    vms = {each.name: each.path for each in wanted_vms(site)}  # one another: vm_names_free
    owners = [*((path, name) for name, path in vms.items()), *owners]
    yield from _unique(owners, "give each machine its own hostname")


def _reserved(site: Site) -> tuple[str, ...]:
    cluster = CLUSTER_NAMES if site.cluster else ()
    return RESERVED_NAMES + cluster + (STAGING_NAMES if site.has_staging else ())


def identifiers_unique(site: Site) -> Iterator[Finding]:
    """Serial numbers and UUIDs tell machines apart.

    Harvester takes machines that share one for the same (harvester/harvester#4025).
    """
    machines = _machines(site)
    serials: list[tuple[Path, Hashable]] = []
    uuids: list[tuple[Path, Hashable]] = []
    for name, machine in machines:
        match = machine.match or MatchSite()
        for key, owners, beside, inside in (
            ("serial", serials, machine.serial, match.serial),
            ("uuid", uuids, machine.uuid, match.uuid),
        ):
            if beside:
                owners.append((machine_path(name, key), beside))
            elif inside:
                owners.append((machine_path(name, "match", key), inside))
    yield from _unique(serials, "read it again from each machine's label")
    yield from _unique(uuids, "read it again from each machine; a vendor's fault needs a new UUID")


def disks_unique(site: Site) -> Iterator[Finding]:
    """A by-id name holds a serial number, so it cannot be right for two machines."""
    owners: list[tuple[Path, Hashable]] = []
    for name, machine in _machines(site):
        paths = [("disk", machine.disk.path if machine.disk else None)]
        paths.append(("data_disk", machine.data_disk))
        for key, path in paths:
            if path and path.startswith("/dev/disk/by-id/"):
                owners.append((machine_path(name, key), path))
    yield from _unique(owners, "name each machine's own disk")


def disks_sensible(site: Site) -> Iterator[Finding]:
    """One machine's disks do not contradict each other."""
    for name, machine in _machines(site):
        if machine.wipe_all_disks and machine.wipe_disks:
            what = "wipe_all_disks wipes these already"
            yield Finding(machine_path(name, "wipe_disks"), what, "keep one of the two")
        system = machine.disk.path if machine.disk else None
        for index, wiped in enumerate(machine.wipe_disks):
            if wiped in (system, machine.data_disk):
                what = f"{wiped} is installed on, which wipes it already"
                yield Finding((*machine_path(name, "wipe_disks"), index), what, "take it out")
        by_path = machine.data_disk is not None and "/by-path/" in machine.data_disk
        if by_path and machine.data_disk == system:
            what = "this is the disk to install on"
            yield Finding(machine_path(name, "data_disk"), what, "name another disk")
        if machine.data_disk_size is not None and machine.data_disk is None:
            what = "there is no data_disk"
            yield Finding(machine_path(name, "data_disk_size"), what, "name it, or take this out")


def one_create(site: Site) -> Iterator[Finding]:
    """Exactly one machine founds the Harvester cluster."""
    machines = site.hypervisor.machines
    creates = [name for name, machine in _machines(site) if machine.role is Role.CREATE]
    for name in creates[1:]:
        what = f"{creates[0]} creates the cluster already"
        yield Finding(
            machine_path(name, "role"),
            what,
            "write role: join",
            (machine_path(creates[0], "role"),),
        )
    if machines and all(machine.role is Role.JOIN for machine in machines.values()):
        what = "every machine joins, and none creates the cluster"
        yield Finding(
            ("hypervisor", "machines"), what, "give one of them role: create", of_key=True
        )


def firmware_can_boot(site: Site) -> Iterator[Finding]:
    """Harvester from 1.8 stops at once on BIOS, and nothing can skip it."""
    version = site.hypervisor.harvester
    for name, machine in _machines(site):
        path, version_path = machine_path(name, "firmware"), ("hypervisor", "harvester")
        if machine.firmware is ExpectedFirmware.BIOS and site.line.uefi_only:
            yield Finding(
                path,
                f"Harvester {version} installs on UEFI only",
                "switch the machine to UEFI, or choose v1.7.3",
                (version_path,),
            )
        if machine.ipxe and _is_bios_build(machine.ipxe) is not _is_bios(machine):
            what = f"{machine.ipxe} cannot start on firmware {machine.firmware or 'UEFI'}"
            fix = "write undionly.kpxe with firmware: bios, snponly.efi or ipxe.efi with UEFI"
            yield Finding(machine_path(name, "ipxe"), what, fix, (path,))


def _is_bios(machine: MachineSite) -> bool:
    return machine.firmware is ExpectedFirmware.BIOS


def _is_bios_build(name: str) -> bool:
    return name.endswith("pxe")


def cluster_sensible(site: Site) -> Iterator[Finding]:
    """The cluster has one distribution, and servers that can agree."""
    cluster = site.cluster
    if cluster is None:
        return
    if cluster.rke2 and cluster.k3s:
        yield Finding(("cluster", "k3s"), "rke2 is given as well", "keep one of the two")
    if not cluster.rke2 and not cluster.k3s:
        what = "no version is given"
        yield Finding(
            ("cluster",),
            what,
            "write rke2: v1.36.3+rke2r1",
            (("cluster", "rke2"), ("cluster", "k3s")),
            of_key=True,
        )
    if cluster.servers % 2 == 0:
        what = f"{cluster.servers} servers bear no more failures than {cluster.servers - 1}"
        fix = f"write {cluster.servers - 1} or {cluster.servers + 1}"
        yield Finding(("cluster", "servers"), what, fix)


RULES: tuple[Rule, ...] = (
    site_id_free,
    one_provisioning_network,
    networks_have_subnets,
    networks_apart,
    networks_beside_clusters,
    network_has_room,
    network_addresses_inside,
    site_addresses_inside,
    addresses_outside_pool,
    addresses_unique,
    macs_unique,
    mac_or_macs,
    hostnames_unique,
    identifiers_unique,
    match_said_once,
    identifiers_tell_machines,
    matches_apart,
    disks_unique,
    disks_sensible,
    one_create,
    bmc_complete,
    bmc_systems_apart,
    bmc_addresses_apart,
    firmware_can_boot,
    hardware_large_enough,
    cluster_sensible,
    cluster_options_fit,
    vm_networks_known,
    vm_names_free,
    vm_sources_sensible,
    vm_images_known,
    vm_firmware_sensible,
    vm_sizes_whole,
    images_sensible,
    staging_images_apart,
    vms_fit_memory,
    vms_fit_disks,
)
"""Every rule there is. A new one is a function here, in a file of `*_rules` or in `capacity`."""
