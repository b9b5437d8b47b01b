"""Site and frozen values to the Plan. Pure: the same two give the same Plan, to the byte."""

from __future__ import annotations

from ipaddress import IPv4Address

from appliance.site.capacity import MIN_MEMORY, storage_replicas
from appliance.site.freeze import Frozen
from appliance.site.model import GIB, MachineSite, Site
from appliance.site.plan import (
    ArtifactNames,
    ExpectedFirmware,
    HypervisorPlan,
    MachinePlan,
    NetworkPlan,
    Plan,
    Role,
)

BIOS_IPXE = "undionly.kpxe"
UEFI_IPXE = "snponly.efi"
"""`ipxe.efi` hangs at "initialising devices" on much hardware (ipxe#972, #973, #1211)."""


def make_plan(site: Site, frozen: Frozen) -> Plan:
    """Work out the whole Plan. `frozen` is what `propose` gave for this very site."""
    networks = _networks(site, frozen)
    machines = _machines(site, frozen)
    bridge = networks[0].bridge
    return Plan(
        site_id=site.site,
        zone=site.zone,
        networks=networks,
        hypervisor=_hypervisor(site, frozen, len(machines)),
        machines=machines,
        artifacts=ArtifactNames.of(site.hypervisor.harvester),
        hosts=_hosts(machines, frozen.vip, bridge),
        base_url=f"http://{bridge}",
        notes=_notes(site, networks),
    )


def _networks(site: Site, frozen: Frozen) -> tuple[NetworkPlan, ...]:
    names = sorted(site.networks, key=lambda name: (name != site.provisioning, name))
    return tuple(_network(site, frozen, name) for name in names)


def _network(site: Site, frozen: Frozen, name: str) -> NetworkPlan:
    said, settled = site.networks[name], frozen.networks[name]
    return NetworkPlan(
        name=name,
        cidr=settled.cidr,
        gateway=settled.gateway,
        bridge=settled.bridge,
        pool=settled.pool,
        dns=said.dns or (settled.bridge,),
        ntp=said.ntp or (settled.bridge,),
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
    return MachinePlan(
        name=name,
        hostname=settled.hostname,
        role=Role.CREATE if name == frozen.create else Role.JOIN,
        macs=said.all_macs,
        serial=said.serial,
        uuid=said.uuid,
        address=settled.address,
        disk=said.disk,
        data_disk=said.data_disk,
        wipe_disks=said.wipe_disks,
        wipe_all_disks=said.wipe_all_disks,
        firmware=said.firmware,
        own_disk=said.own_disk,
        ipxe=said.ipxe or _ipxe_for(said.firmware),
        not_armed=_not_armed(said),
    )


def _ipxe_for(firmware: ExpectedFirmware | None) -> str:
    return BIOS_IPXE if firmware is ExpectedFirmware.BIOS else UEFI_IPXE


def _not_armed(said: MachineSite) -> str | None:
    """Say why a machine will not be installed: every reason, for one visit to the file."""
    reasons = []
    if not said.all_macs:
        reasons.append("no MAC address is given, so it cannot be told from a stranger: write mac")
    if said.disk is None:
        reasons.append(
            "no disk is named, and none is ever guessed: write disk: /dev/disk/by-id/… or by-path"
        )
    elif said.disk.path is None:
        reasons.append(
            f"its disk is a selector ('{said.disk.selector}'), which discovery resolves; "
            "until then name the disk by /dev/disk/by-id"
        )
    return "; ".join(reasons) or None


def _hosts(
    machines: tuple[MachinePlan, ...], vip: IPv4Address, bridge: IPv4Address
) -> tuple[tuple[str, IPv4Address], ...]:
    site_names = (("bridge", bridge), ("harvester", vip), ("vip", vip))
    return (*((each.hostname, each.address) for each in machines), *site_names)


def _notes(site: Site, networks: tuple[NetworkPlan, ...]) -> tuple[str, ...]:
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
    return tuple(notes)
