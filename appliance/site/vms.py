"""All virtual machines that a site asks for, in one list: staging, servers, agents, plain. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address

from appliance.site.model import Site
from appliance.site.places import Path, vm_path
from appliance.site.plan import VmKind
from appliance.site.versions import DEFAULT_IMAGE
from appliance.site.vm_model import ClusterSite, VmSite, VmSize

STAGING = "staging"
"""The name of the virtual machine that takes the laptop's place."""


@dataclass(frozen=True, slots=True)
class WantedVm:
    """One virtual machine as the file says it, or implies it.

    `path` is where the file speaks of it; `image` to `address` are names and values as written, the
    defaults filled in. `address` is None where one is to be proposed, or where there is none
    because the installed system settles its own (`settles_its_own`).
    """

    name: str
    kind: VmKind
    path: Path
    network: str
    size: VmSize
    address: IPv4Address | None
    address_path: Path
    image: str | None
    iso: str | None = None
    driver_disk: str | None = None
    efi: bool = True
    secure_boot: bool = False
    tpm: bool = False
    pci: tuple[str, ...] = ()
    usb: tuple[str, ...] = ()
    ssh_keys: tuple[str, ...] = ()
    running: bool = True

    @property
    def settles_its_own(self) -> bool:
        """Whether no address is given to it: nothing of ours runs in what is installed by hand."""
        return self.iso is not None and self.address is None


def wanted_vms(site: Site) -> tuple[WantedVm, ...]:
    """Give them all: staging, servers, agents, then the plain ones by name."""
    return (
        *((_staging(site),) if site.has_staging else ()),
        *(_members(site, site.cluster) if site.cluster else ()),
        *(_plain(site, name, site.vms[name]) for name in sorted(site.vms)),
    )


def server_names(cluster: ClusterSite) -> tuple[str, ...]:
    """Name the cluster's servers; the first founds it."""
    return tuple(f"server{number}" for number in range(1, cluster.servers + 1))


def agent_names(cluster: ClusterSite) -> tuple[str, ...]:
    """Name the cluster's agents."""
    return tuple(f"agent{number}" for number in range(1, cluster.agents + 1))


def _staging(site: Site) -> WantedVm:
    said = site.staging
    return WantedVm(
        name=STAGING,
        kind=VmKind.STAGING,
        path=("staging",),
        network=site.provisioning,
        size=VmSize(cpus=said.cpus, memory=said.memory, disk=said.disk),
        address=said.address,
        address_path=("staging", "address"),
        image=said.image or DEFAULT_IMAGE,
        ssh_keys=said.ssh_keys,
    )


def _members(site: Site, cluster: ClusterSite) -> tuple[WantedVm, ...]:
    kinds = (
        (VmKind.SERVER, server_names(cluster), cluster.sizes.servers),
        (VmKind.AGENT, agent_names(cluster), cluster.sizes.agents),
    )
    return tuple(
        WantedVm(
            name=name,
            kind=kind,
            path=("cluster",),
            network=cluster.network or site.vm_network,
            size=size,
            address=cluster.addresses.get(name),
            address_path=("cluster", "addresses", name),
            image=cluster.image or DEFAULT_IMAGE,
            ssh_keys=cluster.ssh_keys,
            running=cluster.active,
        )
        for kind, names, size in kinds
        for name in names
    )


def _plain(site: Site, name: str, said: VmSite) -> WantedVm:
    image = said.image or (None if said.iso else DEFAULT_IMAGE)
    return WantedVm(
        name=name,
        kind=VmKind.PLAIN,
        path=vm_path(name),
        network=said.network or site.vm_network,
        size=VmSize(cpus=said.cpus, memory=said.memory, disk=said.disk),
        address=said.address,
        address_path=vm_path(name, "address"),
        image=image,
        iso=said.iso,
        driver_disk=said.driver_disk,
        efi=said.efi,
        secure_boot=said.secure_boot,
        tpm=said.tpm,
        pci=said.pci,
        usb=said.usb,
        ssh_keys=said.ssh_keys,
        running=said.running,
    )
