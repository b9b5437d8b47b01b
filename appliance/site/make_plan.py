"""Site and frozen values to the Plan. Pure: the same two give the same Plan, to the byte."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from appliance import advice
from appliance.site.artifact_names import DistributionFiles, is_iso
from appliance.site.built import image_file_of, registration
from appliance.site.capacity import storage_replicas
from appliance.site.discovered import discovery_in_force
from appliance.site.frozen import Frozen, FrozenDiscovery, FrozenVm
from appliance.site.hardware import GIB, MIN_MEMORY
from appliance.site.model import MachineSite, Site
from appliance.site.plan import (
    ArtifactNames,
    BmcPlan,
    ClusterPlan,
    DiskPlan,
    Distribution,
    Expect,
    ExpectedFirmware,
    HypervisorPlan,
    ImagePlan,
    MachinePlan,
    MatchRule,
    NetworkPlan,
    Plan,
    Role,
    StagingPlan,
    VmKind,
    VmPlan,
)
from appliance.site.vm_model import ImageSite
from appliance.site.vms import STAGING, WantedVm, agent_names, server_names, wanted_vms
from appliance.values import Mac

STAGING_NAMES = ("registry", "ntp")
"""What the staging machine is called besides its own name."""
SUMS_BESIDE = {
    "https://cloud-images.ubuntu.com/": "SHA256SUMS",
    "https://cloud.debian.org/": "SHA512SUMS",
}
"""Who publishes a list of checksums beside each image, and what it is called."""
BIOS_IPXE = "undionly.kpxe"
UEFI_IPXE = "snponly.efi"
"""`ipxe.efi` hangs at "initialising devices" on much hardware (ipxe#972, #973, #1211)."""


def make_plan(site: Site, frozen: Frozen) -> Plan:
    """Work out the whole Plan. `frozen` is what `propose` gave for this very site."""
    networks = _networks(site, frozen)
    machines = _machines(site, frozen)
    vms = tuple(_vm(each, frozen.vms[each.name]) for each in wanted_vms(site))
    cluster = _cluster(site, vms)
    staging = _staging(site, frozen)
    bridge = networks[0].bridge
    return Plan(
        site_id=site.site,
        zone=site.zone,
        networks=networks,
        hypervisor=_hypervisor(site, frozen, len(machines)),
        machines=machines,
        artifacts=ArtifactNames.of(site.hypervisor.harvester),
        hosts=(
            *((each.hostname, each.address) for each in machines),
            *((each.name, each.address) for each in vms if each.address is not None),
            *(("bridge", bridge), ("harvester", frozen.vip), ("vip", frozen.vip)),
            *_cluster_hosts(site, vms),
            *((name, staging.address) for name in STAGING_NAMES if staging is not None),
        ),
        base_url=f"http://{bridge}",
        notes=_notes(site, networks, vms),
        images=_images(site, frozen),
        vms=vms,
        cluster=cluster,
        staging=staging,
    )


def _networks(site: Site, frozen: Frozen) -> tuple[NetworkPlan, ...]:
    names = sorted(site.networks, key=lambda name: (name != site.provisioning, name))
    return tuple(_network(site, frozen, name) for name in names)


def _network(site: Site, frozen: Frozen, name: str) -> NetworkPlan:
    said, settled = site.networks[name], frozen.networks[name]
    services = frozen.staging or frozen.networks[site.provisioning].bridge
    return NetworkPlan(
        name=name,
        cidr=settled.cidr,
        gateway=settled.gateway,
        bridge=settled.bridge,
        pool=settled.pool,
        dns=said.dns or (services,),
        ntp=said.ntp or (services,),
        mtu=said.mtu,
        vlan=said.vlan,
        role=site.role_of(name).value,
    )


def _hypervisor(site: Site, frozen: Frozen, machines: int) -> HypervisorPlan:
    said = site.hypervisor
    return HypervisorPlan(
        harvester=said.harvester,
        vip=frozen.vip,
        single_node=machines == 1,
        accept_small_hardware=said.accept_small_hardware,
        storage_replicas=storage_replicas(machines),
        ssh_keys=said.ssh_keys,
        console=said.console,
    )


def _machines(site: Site, frozen: Frozen) -> tuple[MachinePlan, ...]:
    names = sorted(site.hypervisor.machines, key=lambda name: (name != frozen.create, name))
    return tuple(_machine(site.hypervisor.machines[name], name, frozen) for name in names)


def _machine(said: MachineSite, name: str, frozen: Frozen) -> MachinePlan:
    settled = frozen.machines[name]
    found = discovery_in_force(said, frozen.discovered.get(name))
    macs = said.all_macs or (found.cards[:1] if found else ())
    disk = said.disk
    if found and found.disk and not (disk and disk.path):
        disk = DiskPlan(found.disk, disk.selector if disk else None)
    open_questions = tuple(_open_questions(said, disk, macs, found))
    return MachinePlan(
        name=name,
        hostname=settled.hostname,
        role=Role.CREATE if name == frozen.create else Role.JOIN,
        macs=macs,
        serial=said.identity.serial,
        uuid=said.identity.uuid,
        address=settled.address,
        disk=disk,
        data_disk=said.data_disk,
        wipe_disks=said.wipe_disks,
        wipe_all_disks=said.wipe_all_disks,
        firmware=said.firmware,
        own_disk=said.own_disk,
        ipxe=said.ipxe or _ipxe_for(said.firmware),
        not_armed="; ".join(f"{why}, {fix}" for why, fix in open_questions) or None,
        discover="; ".join(why for why, _ in open_questions),
        match=MatchRule(macs=macs) if found and not found.identity else said.identity,
        expect=Expect(**said.expect.model_dump()) if said.expect else None,
        erase=said.erase,
        bmc=said.bmc.planned if said.bmc else BmcPlan(),
        other_macs=tuple(mac for mac in (found.cards if found else ()) if mac not in macs),
    )


def _ipxe_for(firmware: ExpectedFirmware | None) -> str:
    return BIOS_IPXE if firmware is ExpectedFirmware.BIOS else UEFI_IPXE


def _open_questions(
    said: MachineSite,
    disk: DiskPlan | None,
    macs: tuple[Mac, ...],
    found: FrozenDiscovery | None,
) -> Iterator[tuple[str, str]]:
    """Say why a machine must report what it is before it is installed, and what else would do."""
    match = said.identity
    settled = found is not None and found.disk is not None
    if not macs and match:
        yield f"it has not reported yet ({match})", "so switch it on, booting from the network"
    elif not macs:
        yield "no MAC address is given", "so it cannot be told from a stranger: write mac or match"
    elif (match.vendor or match.product) and found is None:
        yield f"it is to report that it is the one ({match})", "when it boots from the network"
    if disk is None:
        what = "write disk: /dev/disk/by-id/… or by-path, or choose one of its report"
        yield "no disk is named", f"and none is ever guessed: {what}"
    elif disk.path is None:
        how = "which discovery resolves when the machine boots from the network"
        yield f"its disk is a selector ('{disk.selector}')", how
    elif found is not None and not settled:
        # A path in the file is no leave to erase what nobody knew of when it was written.
        yield "nothing in its report may speak against it", advice.see_status()
    if said.expect is not None and not settled:
        yield "what came is to be compared with what was ordered", "when it has reported"


def _vm(wanted: WantedVm, settled: FrozenVm) -> VmPlan:
    return VmPlan(
        name=wanted.name,
        kind=wanted.kind,
        network=wanted.network,
        mac=settled.card,
        address=settled.address,
        cpus=wanted.size.cpus,
        memory=wanted.size.memory,
        disk=wanted.size.disk,
        image=wanted.image,
        iso=wanted.iso,
        driver_disk=wanted.driver_disk,
        efi=wanted.efi,
        secure_boot=wanted.secure_boot,
        tpm=wanted.tpm,
        pci_devices=wanted.pci,
        usb_devices=wanted.usb,
        ssh_keys=wanted.ssh_keys,
        running=wanted.running,
    )


def _images(site: Site, frozen: Frozen) -> tuple[ImagePlan, ...]:
    """All that are written, and the default one where a machine starts from it."""
    images = []
    for name in sorted(site.images.keys() | frozen.images.keys()):
        said = site.image(name) or ImageSite()
        url = frozen.images.get(name, said.url or "") if name not in site.images else said.url or ""
        file = image_file_of(site, frozen.images, name)
        images.append(
            ImagePlan(
                name=name,
                file=file,
                iso=is_iso(file),
                url=url,
                sums=said.sums or ("" if said.sha256 or said.sha512 else _sums_beside(url)),
                sha256=said.sha256 or "",
                sha512=said.sha512 or "",
            )
        )
    return tuple(images)


def _sums_beside(url: str) -> str:
    folder, _, _ = url.rpartition("/")
    known = next((name for host, name in SUMS_BESIDE.items() if url.startswith(host)), "")
    return f"{folder}/{known}" if known else ""


def _cluster(site: Site, vms: tuple[VmPlan, ...]) -> ClusterPlan | None:
    said = site.cluster
    if said is None:
        return None
    distribution = Distribution.RKE2 if said.rke2 else Distribution.K3S
    version = said.rke2 or said.k3s or ""
    servers = [each for each in vms if each.kind is VmKind.SERVER]
    names = (
        registration(site, said),
        f"cluster.{site.zone}",
        *(f"{each.name}.{site.zone}" for each in servers),
        *(each.name for each in servers),
        *(str(each.address) for each in servers),
    )
    return ClusterPlan(
        distribution=distribution,
        version=version,
        servers=server_names(said),
        agents=agent_names(said),
        registration=registration(site, said),
        names=tuple(dict.fromkeys(names)),
        artifacts=DistributionFiles.of(distribution, version).all,
        cis=said.profile is not None,
        active=said.active,
    )


def _cluster_hosts(site: Site, vms: tuple[VmPlan, ...]) -> tuple[tuple[str, IPv4Address], ...]:
    """The cluster's own name: the site's load balancer, else every server in turn."""
    if site.cluster is None:
        return ()
    if site.cluster.address is not None:
        return (("cluster", site.cluster.address),)
    servers = (each.address for each in vms if each.kind is VmKind.SERVER)
    return tuple(("cluster", address) for address in servers if address is not None)


def _staging(site: Site, frozen: Frozen) -> StagingPlan | None:
    if frozen.staging is None:
        return None
    said = site.staging.images
    return StagingPlan(
        vm=STAGING,
        address=frozen.staging,
        images=tuple(each.rpartition("/")[2] for each in said),
        sources=tuple(each for each in said if "/" in each),
    )


def _notes(
    site: Site, networks: tuple[NetworkPlan, ...], vms: tuple[VmPlan, ...]
) -> tuple[str, ...]:
    notes = []
    main = networks[0]
    borrowed = [
        kind for kind, servers in (("DNS", main.dns), ("NTP", main.ntp)) if main.bridge in servers
    ]
    if borrowed:
        keys = " and ".join(kind.lower() for kind in borrowed)
        notes.append(
            f"the installed machines ask the bridge at {main.bridge} for {' and '.join(borrowed)}, "
            "which leaves with the laptop: "
            f"where the site has its own, write networks.{main.name}.{keys}"
        )
    if site.networks[main.name].gateway is None:
        notes.append(
            f"the machines' default route is {main.gateway}, the first address of {main.cidr}: "
            f"where the site's router is another, write networks.{main.name}.gateway"
        )
    if len(site.hypervisor.machines) == 2:
        notes.append(
            "two machines bear no failure: Harvester needs three for a control plane that does"
        )
    if site.hypervisor.accept_small_hardware:
        notes.append(
            f"accept_small_hardware: Harvester's own checks ({MIN_MEMORY // GIB}G of memory, "
            "16 threads, 10 Gbit/s) stop no installation here"
        )
    return (*notes, *_bmc_notes(site), *_vm_notes(site, networks, vms))


def _bmc_notes(site: Site) -> Iterator[str]:
    machines = sorted(site.hypervisor.machines.items())
    plain = [name for name, each in machines if each.bmc and each.bmc.planned.plain]
    if plain:
        yield (
            f"{', '.join(plain)}: bmc.address is http://, so the BMC's password crosses the "
            "network readable"
        )


def _vm_notes(
    site: Site, networks: tuple[NetworkPlan, ...], vms: tuple[VmPlan, ...]
) -> Iterator[str]:
    main = networks[0]
    for network in networks[1:]:
        names = [each.name for each in vms if each.network == network.name]
        if names:
            yield (
                f"{', '.join(names)} stand on network {network.name}: the site's router "
                f"{network.gateway} must let them reach the bridge and the staging machine on "
                f"{main.name}"
            )
    by_hand = [each.name for each in vms if each.iso is not None]
    if by_hand:
        yield (
            f"{', '.join(by_hand)}: the system is installed by hand, on the console that Harvester "
            "shows, and its address is set there"
        )
    if site.cluster is not None and not site.cluster.active:
        yield "the cluster is stopped: cluster.active is false"
