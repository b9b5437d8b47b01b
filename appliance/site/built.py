"""What a site file may no longer change, because it is built: each change with what it would take.

Pure: a Site, what is frozen of it, and the names of what is built; findings out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from appliance import advice
from appliance.site.artifact_names import image_file
from appliance.site.discovered import discovery_in_force
from appliance.site.frozen import (
    Frozen,
    FrozenCluster,
    FrozenDiscovery,
    FrozenMachine,
    FrozenNetwork,
    FrozenVm,
)
from appliance.site.model import Site
from appliance.site.places import VIP_PATH, Finding, Path, machine_path, network_path
from appliance.site.plan import Role, VmKind
from appliance.site.vm_model import ClusterSite
from appliance.site.vms import WantedVm, server_names, wanted_vms

_ANEW = "put the old value back; to change it, name the site anew and install every machine anew"


def create_machine(site: Site, frozen: Frozen | None) -> str:
    """Name the machine that founds the cluster: the one said, else the frozen, else the first."""
    machines = site.hypervisor.machines
    said = sorted(name for name, machine in machines.items() if machine.role is Role.CREATE)
    if said:
        return said[0]
    if frozen and frozen.create in machines and machines[frozen.create].role is not Role.JOIN:
        return frozen.create
    return min(name for name, machine in machines.items() if machine.role is not Role.JOIN)


def registration(site: Site, cluster: ClusterSite) -> str:
    """Give the fixed name or address by which machines join the cluster."""
    return str(cluster.address) if cluster.address else f"cluster.{site.zone}"


def image_file_of(site: Site, kept: Mapping[str, str], name: str) -> str:
    """Name an image's file in the depot. `kept` are the frozen URLs of what the file leaves unsaid.

    An image that nothing is known of has no name; the rules find it.
    """
    said = site.image(name)
    if said is None:
        return ""
    unsaid = kept.get(name) if name not in site.images else None
    return said.file or image_file(unsaid or said.url or "")


def refused_changes(site: Site, frozen: Frozen, built: frozenset[str]) -> Iterator[Finding]:
    """Find every change that the file asks of what is built."""
    yield from _refused_site_changes(site, frozen, built & frozen.machines.keys() or built)
    for name in sorted(built & frozen.machines.keys()):
        yield from _refused_machine_changes(site, name, frozen.machines[name])
        yield from _refused_identity_changes(site, name, frozen.discovered.get(name))
    yield from _refused_staging_changes(site, frozen)
    wanted = {each.name: each for each in wanted_vms(site)}
    stand_on = {frozen.vms[name].network for name in built & frozen.vms.keys() & wanted.keys()}
    for name in sorted(stand_on & site.networks.keys() - {site.provisioning}):
        yield from _refused_network_changes(site, name, frozen.networks.get(name))
    for name in sorted(built & frozen.vms.keys() & wanted.keys()):
        yield from _refused_vm_changes(site, frozen, wanted[name], frozen.vms[name])
    if frozen.cluster is not None and "server1" in built:
        yield from _refused_cluster_changes(site, frozen.cluster, built)


def _refused_site_changes(site: Site, frozen: Frozen, built: frozenset[str]) -> Iterator[Finding]:
    network = site.networks[site.provisioning]
    was = frozen.networks.get(site.provisioning)
    names = ", ".join(sorted(built))
    said: list[tuple[Path, object, object]] = [
        (("hypervisor", "harvester"), site.hypervisor.harvester, frozen.harvester),
        (VIP_PATH, site.hypervisor.vip, frozen.vip),
    ]
    if was is None:
        path = network_path(site.provisioning)
        yield Finding(path, f"{names} were installed on another network", _ANEW, of_key=True)
    else:
        path = network_path(site.provisioning)
        said.append(((*path, "cidr"), network.cidr, was.cidr))
        said.append(((*path, "gateway"), network.gateway, was.gateway))
    for path, now, before in said:
        if now is not None and now != before:
            yield Finding(path, f"{now} was {before} when {names} were installed", _ANEW)
    create = create_machine(site, frozen)
    if frozen.create in built and frozen.create not in site.hypervisor.machines:
        # Another would take its place, and found a second cluster on the same VIP.
        what = f"{frozen.create}, which created the cluster, is no longer in the file"
        yield Finding(("hypervisor", "machines"), what, f"put {frozen.create} back", of_key=True)
    elif frozen.create in built and create != frozen.create:
        what = f"{frozen.create} created the cluster already"
        yield Finding(machine_path(create, "role"), what, _ANEW)


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
            fix = f"put {before} back; to change it, first {advice.reinstall(name)}"
            yield Finding(machine_path(name, key), what, fix)


def _refused_identity_changes(
    site: Site, name: str, was: FrozenDiscovery | None
) -> Iterator[Finding]:
    machine = site.hypervisor.machines.get(name)
    if machine is None or was is None or discovery_in_force(machine, was) == was:
        return
    found = f" by {was.identity}" if was.identity else ""
    what = f"{name} is installed as the machine with the card {was.macs[0]}, found{found}"
    fix = f"put match, disk and expect back; {advice.other_box()}"
    yield Finding(machine_path(name), what, fix, of_key=True)


def _refused_network_changes(site: Site, name: str, was: FrozenNetwork | None) -> Iterator[Finding]:
    network = site.networks[name]
    if was is None:
        return
    for key, now, before in (
        ("cidr", network.cidr, was.cidr),
        ("gateway", network.gateway, was.gateway),
    ):
        if now is not None and now != before:
            what = f"{now} was {before} when virtual machines were made on it"
            yield Finding(network_path(name, key), what, "put the old value back")


def _refused_staging_changes(site: Site, frozen: Frozen) -> Iterator[Finding]:
    """Whatever is installed asks the staging machine's address for names and time."""
    was = frozen.staging
    if was is None:
        return
    if not site.has_staging:
        what = f"what is installed asks the staging machine at {was} for names and time"
        yield Finding(("staging",), what, "write staging: {enabled: true}", of_key=True)
    elif site.staging.address not in (None, was):
        what = f"what is installed asks for names and time at {was}"
        yield Finding(("staging", "address"), what, f"put {was} back")


def _refused_vm_changes(
    site: Site, frozen: Frozen, vm: WantedVm, was: FrozenVm
) -> Iterator[Finding]:
    anew = f"put it back; to change it, take {vm.name} out, run, and write it anew"
    if vm.network != was.network:
        what = f"{vm.name} was made on network {was.network}"
        yield Finding((*vm.path, "network"), what, anew)
    elif vm.address is not None and vm.address != was.address:
        before = was.address or "no address"
        yield Finding(vm.address_path, f"{vm.name} was made with {before}", anew)
    key = "image" if vm.image else "iso"
    file = image_file_of(site, frozen.images, vm.image or vm.iso or "")
    if file != was.image:
        yield Finding((*vm.path, key), f"{vm.name} was made from {was.image}, not {file}", anew)
    if vm.size.disk < was.disk:
        what = f"the disk of {vm.name} has {was.disk} octets, and none can shrink"
        yield Finding(_disk_path(vm), what, "put the old size back")


def _disk_path(vm: WantedVm) -> Path:
    if vm.path != ("cluster",):
        return (*vm.path, "disk")
    return ("cluster", "sizes", "servers" if vm.kind is VmKind.SERVER else "agents", "disk")


def _refused_cluster_changes(
    site: Site, was: FrozenCluster, built: frozenset[str]
) -> Iterator[Finding]:
    cluster = site.cluster
    if cluster is None:
        what = "the cluster is built, and no longer in the file"
        fix = f"put it back: a cluster alone is not taken down, {advice.undo_whole()} takes all"
        yield Finding(("cluster",), what, fix, of_key=True)
        return
    version = cluster.rke2 or cluster.k3s or ""
    if version != was.version:
        key = "rke2" if cluster.rke2 else "k3s"
        what = f"the cluster was built with {was.version}"
        yield Finding(
            ("cluster", key), what, f"put {was.version} back: an upgrade is not a run's matter"
        )
    if (now := registration(site, cluster)) != was.registration:
        path: Path = ("cluster", "address") if cluster.address else ("domain",)
        what = f"the cluster's machines joined by {was.registration}, not {now}"
        yield Finding(path, what, f"put {was.registration} back: certificates hold it")
    if (cluster.profile is not None) is not was.cis:
        what = f"the cluster was built {'with' if was.cis else 'without'} the CIS profile"
        yield Finding(("cluster", "profile"), what, "put it back: it counts at the first start")
    lost = sorted(built & frozenset(_first(was.servers)) - frozenset(server_names(cluster)))
    if lost:
        what = f"{', '.join(lost)} would be taken out of a control plane of {was.servers}"
        yield Finding(("cluster", "servers"), what, f"write {was.servers}")


def _first(count: int) -> tuple[str, ...]:
    return tuple(f"server{number}" for number in range(1, count + 1))
