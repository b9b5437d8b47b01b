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


class Way(StrEnum):
    """How a machine is switched."""

    REDFISH = "redfish"
    IPMI = "ipmi"
    WAKE_ON_LAN = "wake-on-lan"
    BY_HAND = "by-hand"


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
class MatchRule:
    """What tells one machine from all others: everything that is given must hold.

    One of `macs` among the machine's cards; serial number, vendor and product in any case, of the
    latter two a part.
    """

    macs: tuple[Mac, ...] = ()
    serial: str | None = None
    uuid: UUID | None = None
    vendor: str | None = None
    product: str | None = None

    def __bool__(self) -> bool:
        return self != MatchRule()

    def __str__(self) -> str:
        said = (
            ("MAC", " or ".join(map(str, self.macs))),
            ("serial number", self.serial),
            ("UUID", self.uuid),
            ("vendor", self.vendor),
            ("product", self.product),
        )
        return ", ".join(f"{name} {value}" for name, value in said if value)


@dataclass(frozen=True, slots=True)
class Expect:
    """What was ordered: at least so much. Sizes in octets, `disk_size` of the disk installed on."""

    cpus: int | None = None
    memory: int | None = None
    disks: int | None = None
    disk_size: int | None = None
    nics: int | None = None
    product: str | None = None


class BmcBoot(StrEnum):
    """What a BMC has its machine start from to be installed."""

    NETWORK = "network"
    DISC = "disc"


@dataclass(frozen=True, slots=True)
class BmcPlan:
    """How one machine is switched. Its password is in the vault alone.

    `address` is `host`, `host:port` or, for Redfish, a URL; `system` is the Id or UUID of the
    machine where a Redfish service has several. Empty: not said. `mac` is the BMC's own card, to
    which the boot services give `host`.
    """

    way: Way = Way.BY_HAND
    address: str = ""
    user: str = ""
    system: str = ""
    mac: Mac | None = None
    boot: BmcBoot = BmcBoot.NETWORK

    @property
    def host(self) -> str:
        """The address without scheme, port and path."""
        return bmc_host(self.address)

    @property
    def plain(self) -> bool:
        """Whether the password would cross the network readable."""
        return self.address.startswith("http://")

    def __str__(self) -> str:
        if self.way is Way.BY_HAND:
            return "hand"
        if self.way is Way.WAKE_ON_LAN:
            return "Wake-on-LAN, off by hand"
        name = "Redfish" if self.way is Way.REDFISH else "IPMI"
        system = f", system {self.system}" if self.system else ""
        disc = ", from the boot disc" if self.boot is BmcBoot.DISC else ""
        return f"{name} at {self.address} as {self.user}{system}{disc}"


def bmc_host(address: str) -> str:
    """Give the host of a BMC's address: `10.20.0.51` of `https://10.20.0.51:8443/`."""
    return address.rpartition("://")[2].partition("/")[0].partition(":")[0]


@dataclass(frozen=True, slots=True)
class MachinePlan:
    """One hypervisor machine. `not_armed` says why it will not be installed; None: it will.

    `discover` says why it must report what it is first; empty: it need not. `match` is what the
    file says of its identity, `macs` are the cards it boots and is installed with, and
    `other_macs` the further cards that its report named.
    """

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
    discover: str = ""
    match: MatchRule = MatchRule()
    expect: Expect | None = None
    erase: bool = False
    other_macs: tuple[Mac, ...] = ()
    bmc: BmcPlan = BmcPlan()


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


class VmKind(StrEnum):
    """What a virtual machine is for."""

    STAGING = "staging"
    SERVER = "server"
    AGENT = "agent"
    PLAIN = "plain"


class Distribution(StrEnum):
    """Which Kubernetes the cluster is made of."""

    RKE2 = "rke2"
    K3S = "k3s"


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """An image for virtual machines: a disk, or with `iso` a CD. `file` is its name in the depot.

    `url` is where it is published, empty where it can only be imported; `sums` is the URL of
    upstream's list of checksums, `sha256` and `sha512` are checksums the operator gave.
    """

    name: str
    file: str
    iso: bool = False
    url: str = ""
    sums: str = ""
    sha256: str = ""
    sha512: str = ""


@dataclass(frozen=True, slots=True)
class VmPlan:
    """One virtual machine; its name is its host name. Memory and disk are in octets.

    It starts from `image`, or is installed by hand from `iso` on a blank disk, with `driver_disk`
    as a second CD (old Windows has no driver for a virtio disk). `image`, `iso` and `driver_disk`
    name images of the Plan. `address` is None where the installed system settles its own.
    `running` is False while it is to be kept stopped.
    """

    name: str
    kind: VmKind
    network: str
    mac: Mac
    address: IPv4Address | None
    cpus: int
    memory: int
    disk: int
    image: str | None
    iso: str | None = None
    driver_disk: str | None = None
    efi: bool = True
    secure_boot: bool = False
    tpm: bool = False
    pci_devices: tuple[str, ...] = ()
    usb_devices: tuple[str, ...] = ()
    ssh_keys: tuple[str, ...] = ()
    running: bool = True


@dataclass(frozen=True, slots=True)
class ClusterPlan:
    """The Kubernetes cluster: names of its virtual machines, the founding server first.

    `registration` is the fixed name or address by which the others join and people reach the API;
    `names` are all names and addresses its certificate holds (`tls-san`). `artifacts` are the
    depot's names of the files that each machine is given. `active` is False while it is stopped.
    """

    distribution: Distribution
    version: str
    servers: tuple[str, ...]
    agents: tuple[str, ...]
    registration: str
    names: tuple[str, ...]
    artifacts: tuple[str, ...]
    cis: bool = False
    active: bool = True

    @property
    def members(self) -> tuple[str, ...]:
        """All its machines, servers first."""
        return self.servers + self.agents


@dataclass(frozen=True, slots=True)
class StagingPlan:
    """The virtual machine that takes the laptop's place: DNS, NTP, files and a registry.

    `images` are the depot's names of OCI archives that its registry holds; `sources` are the URLs
    of some of them, the others are imported.
    """

    vm: str
    address: IPv4Address
    images: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


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

    `networks` begins with the one for provisioning. `hosts` are names within `zone`, without it;
    one name may stand there several times, with an address each. `base_url` has no slash at its
    end. `notes` are what people should know before they begin.
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
    images: tuple[ImagePlan, ...] = ()
    vms: tuple[VmPlan, ...] = ()
    cluster: ClusterPlan | None = None
    staging: StagingPlan | None = None

    @property
    def services(self) -> IPv4Address:
        """Where DNS and NTP are answered: the staging machine's address, else the bridge's.

        The laptop answers at this address until the staging machine takes it over, so that
        nothing that is built ever refers to the laptop.
        """
        return self.staging.address if self.staging else self.provisioning.bridge

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

    def vm(self, name: str) -> VmPlan:
        """Give a virtual machine by its name. Raises KeyError where there is none."""
        found = next((each for each in self.vms if each.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

    def network(self, name: str) -> NetworkPlan:
        """Give a network by its name. Raises KeyError where there is none."""
        found = next((each for each in self.networks if each.name == name), None)
        if found is None:
            raise KeyError(name)
        return found

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
