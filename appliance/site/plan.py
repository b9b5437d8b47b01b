"""The Plan: every address, name, URL and file name that a run of one site will use.

Computed purely from the Site and from what was frozen for it at first use. It holds no secret
and nothing of one laptop. The CLI, the wizard, the boot services, the templates and the report
all read this.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Any
from uuid import UUID

from appliance.values import Mac

MAIN_NETWORK = "main"


class Role(StrEnum):
    """What a hypervisor machine does at installation: found the cluster, or join it."""

    CREATE = "create"
    JOIN = "join"


class OwnDisk(StrEnum):
    """The three ways to have a machine boot its own disk (siderolabs/sidero#287)."""

    EXIT = "exit"
    NOT_FOUND = "404"
    SANBOOT = "sanboot"


class ExpectedFirmware(StrEnum):
    """The firmware a machine is expected to boot with; the lab gives it just that."""

    BIOS = "bios"
    UEFI = "uefi"
    UEFI_HTTP = "uefi-http"


@dataclass(frozen=True, slots=True)
class AddressRange:
    """First and last address, both included."""

    first: IPv4Address
    last: IPv4Address

    def __contains__(self, address: IPv4Address) -> bool:
        return self.first <= address <= self.last

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class NetworkPlan:
    """One network of the site. `bridge` is the laptop's address on it."""

    name: str
    cidr: IPv4Network
    gateway: IPv4Address
    bridge: IPv4Address
    pool: AddressRange
    dns: tuple[IPv4Address, ...]
    ntp: tuple[IPv4Address, ...]
    mtu: int
    vlan: int | None
    role: str


@dataclass(frozen=True, slots=True)
class DiskPlan:
    """The disk to install on: a stable path, or a selector that discovery must resolve first."""

    path: str | None
    selector: str | None

    def __str__(self) -> str:
        return self.path or self.selector or ""


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """One hypervisor machine. `not_armed` says why it will not be installed; None: it will."""

    name: str
    hostname: str
    role: Role
    macs: tuple[Mac, ...]
    serial: str | None
    uuid: UUID | None
    address: IPv4Address
    disk: DiskPlan | None
    data_disk: str | None
    wipe_disks: tuple[str, ...]
    wipe_all_disks: bool
    firmware: ExpectedFirmware | None
    own_disk: OwnDisk
    ipxe: str
    not_armed: str | None


@dataclass(frozen=True, slots=True)
class HypervisorPlan:
    """What all hypervisor machines share. `harvester` is the version with its leading `v`."""

    harvester: str
    vip: IPv4Address
    single_node: bool
    accept_small_hardware: bool
    storage_replicas: int
    ssh_keys: tuple[str, ...]
    console: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ArtifactNames:
    """Harvester's own names for its files of one version (facts: harvester-rke2 1.7)."""

    kernel: str
    initrd: str
    rootfs: str
    iso: str
    sums: str

    @classmethod
    def of(cls, version: str) -> ArtifactNames:
        """Name the files of a version such as `v1.8.2`."""
        stem = f"harvester-{version}"
        return cls(
            kernel=f"{stem}-vmlinuz-amd64",
            initrd=f"{stem}-initrd-amd64",
            rootfs=f"{stem}-rootfs-amd64.squashfs",
            iso=f"{stem}-amd64.iso",
            sums=f"{stem}-amd64.sha512",
        )


@dataclass(frozen=True, slots=True)
class Plan:
    """All of a site, worked out. Machines: the create node first, then the joins by name.

    `networks` begins with the one for provisioning. `hosts` are names within `zone`, without it.
    `base_url` has no slash at its end. `notes` are what people should know before they begin.
    """

    site_id: str
    zone: str
    networks: tuple[NetworkPlan, ...]
    hypervisor: HypervisorPlan
    machines: tuple[MachinePlan, ...]
    artifacts: ArtifactNames
    hosts: tuple[tuple[str, IPv4Address], ...]
    base_url: str
    notes: tuple[str, ...] = ()

    @property
    def provisioning(self) -> NetworkPlan:
        """The network on which machines boot."""
        return self.networks[0]

    @property
    def create(self) -> MachinePlan:
        """The machine that founds the hypervisor cluster."""
        return self.machines[0]

    def machine(self, name: str) -> MachinePlan | None:
        """Find a machine by its name."""
        return next((each for each in self.machines if each.name == name), None)

    def as_json(self) -> dict[str, Any]:
        """Give the whole Plan as JSON-ready values."""
        decoded: dict[str, Any] = json.loads(json.dumps(asdict(self), default=_plain))
        return decoded

    def digest(self) -> str:
        """Name this very Plan by the SHA-256 of its canonical JSON."""
        canonical = json.dumps(self.as_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


def _plain(value: object) -> str:
    return str(value)
