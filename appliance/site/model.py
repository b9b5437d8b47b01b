"""What a site file may say: every key, its type, its default, its meaning.

The descriptions here are the docs' (`docs/settings.md`) and the JSON Schema's. `unsaid` says what
holds where a key is left out, for defaults that depend on the rest of the site.
"""

from __future__ import annotations

from pydantic import Field

from appliance.site.bmc_model import BmcSite
from appliance.site.fields import GIB, SiteModel, unsaid
from appliance.site.plan import MAIN_NETWORK, MatchRule, OwnDisk
from appliance.site.scalars import (
    Address,
    Console,
    Cpus,
    Disk,
    DiskPath,
    Disks,
    Domain,
    Firmware,
    Flag,
    HardwareName,
    Harvester,
    ImageName,
    IpxeName,
    Label,
    MacAddress,
    MachineRole,
    Mtu,
    Network4,
    NetworkRole,
    Nics,
    OwnDiskWay,
    Range,
    RoleOfNetwork,
    Serial,
    Size,
    SshKey,
    SystemUuid,
    Vlan,
)
from appliance.site.versions import (
    DEFAULT_IMAGE,
    DEFAULT_IMAGE_URL,
    HarvesterLine,
    known_lines_text,
    line_of,
)
from appliance.site.vm_model import ClusterSite, ImageSite, StagingSite, VmSite

DEFAULT_CIDR = "10.20.0.0/24"


class NetworkSite(SiteModel):
    """One network of the site."""

    cidr: Network4 = Field(
        default=DEFAULT_CIDR,  # type: ignore[assignment]  # read by the key's own type
        description="The subnet. Harvester's own ranges, 10.52.0.0/16 and 10.53.0.0/16, are taken.",
        json_schema_extra=unsaid(
            f"`{DEFAULT_CIDR}` for provisioning; **must be given** for any other"
        ),
    )
    gateway: Address | None = Field(
        default=None,
        description="The default route of the machines. Harvester's installer and RKE2 stop "
        "without one; where an air gap has no router, the address may stay unanswered.",
        json_schema_extra=unsaid("the first address of the subnet"),
    )
    bridge: Address | None = Field(
        default=None,
        description="The laptop's address on this network.",
        json_schema_extra=unsaid("proposed: the first free address after the gateway"),
    )
    pool: Range | None = Field(
        default=None,
        description="Addresses for machines that are not in this file: `first to last`.",
        json_schema_extra=unsaid("proposed: the free part of the subnet's last quarter"),
    )
    dns: tuple[Address, ...] = Field(
        default=(),
        strict=False,
        description="DNS servers that all installed machines keep using after the laptop left.",
        json_schema_extra=unsaid("the staging machine; without one the laptop, which leaves"),
    )
    ntp: tuple[Address, ...] = Field(
        default=(),
        strict=False,
        description="NTP servers that all installed machines keep using after the laptop left.",
        json_schema_extra=unsaid("the staging machine; without one the laptop, which leaves"),
    )
    mtu: Mtu = Field(
        default=1500,
        description="Largest packet of this network, in bytes. Every switch port must carry it.",
    )
    vlan: Vlan | None = Field(
        default=None,
        description="VLAN tag.",
        json_schema_extra=unsaid("untagged"),
    )
    role: RoleOfNetwork | None = Field(
        default=None,
        description="What the network is for. Machines boot on the one for provisioning.",
        json_schema_extra=unsaid(
            f"`provisioning` for `{MAIN_NETWORK}` or an only network, else `vm`"
        ),
    )


class MatchSite(SiteModel):
    """What tells a machine from all others, once it reports what it is. All of it must hold."""

    mac: MacAddress | None = Field(default=None, description="A network card of it.")
    serial: Serial | None = Field(
        default=None, description="Serial number, as on the label and in SMBIOS."
    )
    uuid: SystemUuid | None = Field(
        default=None, description="System UUID, as SMBIOS and PXE option 97 give it."
    )
    vendor: HardwareName | None = Field(
        default=None, description="Its vendor, or a part of the name, in any case."
    )
    product: HardwareName | None = Field(
        default=None,
        description="Its product name, or a part of it, in any case. Only where the site has no "
        "second machine of the kind does it tell a machine alone.",
    )


class ExpectSite(SiteModel):
    """What was ordered. A machine that reports less is held; what is left out is not compared."""

    cpus: Cpus | None = Field(default=None, description="Processor threads.")
    memory: Size | None = Field(
        default=None, description="Memory. One twentieth may be missing: firmware takes some."
    )
    disks: Disks | None = Field(
        default=None, description="How many disks, not counting USB and removable ones."
    )
    disk_size: Size | None = Field(
        default=None, description="The size of `disk`. A disk sold as 500 GB is written `500GB`."
    )
    nics: Nics | None = Field(default=None, description="How many network cards.")
    product: HardwareName | None = Field(
        default=None, description="Its product name, or a part of it, in any case."
    )


class MachineSite(SiteModel):
    """One hypervisor machine. Its key is its name."""

    mac: MacAddress | None = Field(
        default=None,
        description="The network card the machine boots from.",
        json_schema_extra=unsaid("the machine is not armed until its report tells its cards"),
    )
    macs: tuple[MacAddress, ...] = Field(
        default=(),
        strict=False,
        description="Instead of `mac`, where it may boot from several cards: all are this machine.",
    )
    serial: Serial | None = Field(
        default=None, description="Serial number, as on the label and in SMBIOS."
    )
    uuid: SystemUuid | None = Field(
        default=None, description="System UUID, as SMBIOS and PXE option 97 give it."
    )
    match: MatchSite | None = Field(
        default=None,
        description="What the machine is told by once it reports what it is. `mac`, `serial` and "
        "`uuid` may stand here or beside it.",
    )
    expect: ExpectSite | None = Field(
        default=None, description="What was ordered, to be compared with what came."
    )
    address: Address | None = Field(
        default=None,
        description="The machine's address on the provisioning network. It never changes after "
        "installation.",
        json_schema_extra=unsaid("proposed, then kept from its first use"),
    )
    hostname: Label | None = Field(
        default=None,
        description="The machine's host name, and its node name in Harvester.",
        json_schema_extra=unsaid("the machine's name"),
    )
    role: MachineRole | None = Field(
        default=None,
        description="Whether it founds the Harvester cluster or joins it. Exactly one creates.",
        json_schema_extra=unsaid("the first by name creates, the others join; then kept"),
    )
    disk: Disk | None = Field(
        default=None,
        description="The disk to install on; all on it is lost. A path under `/dev/disk/by-id/` "
        "or `/dev/disk/by-path/`, or a selector that exactly one disk matches: "
        "`size >= 250G, not usb`.",
        json_schema_extra=unsaid("the machine is not armed until a disk of its report is chosen"),
    )
    erase: Flag = Field(
        default=False,
        description="Whatever a machine's report finds on its disks may go. Otherwise a disk that "
        "holds data stops the installation, until it is approved.",
    )
    data_disk: DiskPath | None = Field(
        default=None, description="A second disk, for the virtual machines' volumes. At least 50G."
    )
    wipe_disks: tuple[DiskPath, ...] = Field(
        default=(),
        strict=False,
        description="Further disks whose old partitions and LVM or Longhorn marks are removed.",
    )
    wipe_all_disks: Flag = Field(
        default=False,
        description="Wipe every disk of the machine besides `disk` and `data_disk`.",
    )
    firmware: Firmware | None = Field(
        default=None,
        description="The firmware it is expected to boot with. Harvester from 1.8 needs UEFI.",
        json_schema_extra=unsaid("any that the version of Harvester can boot with"),
    )
    own_disk: OwnDiskWay = Field(
        default=OwnDisk.EXIT,
        description="How it is told to boot its own disk once installed: `exit` leaves iPXE, "
        "`404` has the firmware find nothing, `sanboot` starts the disk from iPXE. "
        "After a failed try the next is used.",
    )
    ipxe: IpxeName | None = Field(
        default=None,
        description="The iPXE build it is given. `ipxe.efi` brings its own network drivers, "
        "`snponly.efi` uses the firmware's.",
        json_schema_extra=unsaid("`undionly.kpxe` for `firmware: bios`, else `snponly.efi`"),
    )
    bmc: BmcSite | None = Field(
        default=None,
        description="How the machine is switched on and off.",
        json_schema_extra=unsaid("by hand: a person is asked to press its button"),
    )
    memory: Size | None = Field(
        default=None,
        description="Its memory. With it, the virtual machines are summed against the hosts.",
        json_schema_extra=unsaid("not checked"),
    )
    cpus: Cpus | None = Field(
        default=None,
        description="Its processor threads.",
        json_schema_extra=unsaid("not checked"),
    )
    disk_size: Size | None = Field(
        default=None,
        description="The size of `disk`. A disk sold as 500 GB holds `465G`, or write `500GB`.",
        json_schema_extra=unsaid("not checked"),
    )
    data_disk_size: Size | None = Field(
        default=None,
        description="The size of `data_disk`.",
        json_schema_extra=unsaid("not checked"),
    )

    @property
    def all_macs(self) -> tuple[MacAddress, ...]:
        """All its MAC addresses: `mac`, `macs` or `match.mac`."""
        said = (self.mac, *self.macs, self.match.mac if self.match else None)
        return tuple(dict.fromkeys(mac for mac in said if mac is not None))

    @property
    def identity(self) -> MatchRule:
        """What it is told by, wherever it stands."""
        match = self.match or MatchSite()
        return MatchRule(
            macs=self.all_macs,
            serial=self.serial or match.serial,
            uuid=self.uuid or match.uuid,
            vendor=match.vendor,
            product=match.product,
        )


class HypervisorSite(SiteModel):
    """Harvester and the machines it is installed on."""

    harvester: Harvester = Field(
        description=f"The version of Harvester. Known are {known_lines_text()}.",
        examples=["v1.8.2"],
    )
    vip: Address | None = Field(
        default=None,
        description="The address of the Harvester cluster itself, beside those of its machines.",
        json_schema_extra=unsaid("proposed, then kept from its first use"),
    )
    machines: dict[Label, MachineSite] = Field(
        description="The machines, by name.",
        min_length=1,
        examples=['{hv1: {mac: "52:54:00:12:34:56", disk: /dev/disk/by-id/…}}'],
    )
    accept_small_hardware: Flag = Field(
        default=False,
        description="Install on machines below Harvester's production minimum of 16 threads, 64G "
        "of memory and a network of 10 Gbit/s; its installer stops on them otherwise.",
    )
    ssh_keys: tuple[SshKey, ...] = Field(
        default=(),
        strict=False,
        description="Public SSH keys that may log in as `rancher`.",
        json_schema_extra=unsaid("none besides the key that is made for the site"),
    )
    console: tuple[Console, ...] = Field(
        default=("tty1",),
        strict=False,
        description="Kernel consoles. The installer's screen is on the first.",
    )


class LabSite(SiteModel):
    """What each machine gets in the rehearsal. It changes nothing at the site."""

    memory: Size = Field(
        default=3 * GIB,
        description="Memory of an emulated machine.",
        json_schema_extra=unsaid("`3G`"),
    )
    cpus: Cpus = Field(default=2, description="Processors of an emulated machine.")
    disk: Size = Field(
        default=12 * GIB,
        description="Disk of an emulated machine; it is sparse.",
        json_schema_extra=unsaid("`12G`"),
    )


def _implied_networks() -> dict[str, NetworkSite]:
    return {MAIN_NETWORK: NetworkSite()}


class Site(SiteModel):
    """A whole site file."""

    site: Label = Field(
        description="The site's id. All that the laptop keeps of the site is kept under it.",
        examples=["alpha"],
    )
    domain: Domain | None = Field(
        default=None,
        description="The DNS domain of the machines.",
        json_schema_extra=unsaid("`<site>.internal`"),
    )
    networks: dict[Label, NetworkSite] = Field(
        default_factory=_implied_networks,
        min_length=1,
        description="The networks, by name.",
        json_schema_extra=unsaid(f"one, `{MAIN_NETWORK}`, with all defaults"),
    )
    hypervisor: HypervisorSite = Field(description="Harvester and its machines.")
    cluster: ClusterSite | None = Field(
        default=None,
        description="The Kubernetes cluster.",
        json_schema_extra=unsaid("none"),
    )
    vms: dict[Label, VmSite] = Field(
        default_factory=dict,
        description="Virtual machines beside the cluster, by name.",
        json_schema_extra=unsaid("none"),
    )
    staging: StagingSite = Field(
        default=StagingSite(),
        description="What stays at the site in the laptop's place.",
    )
    images: dict[ImageName, ImageSite] = Field(
        default_factory=dict,
        description="Images for virtual machines, by name.",
        json_schema_extra=unsaid(f"`{DEFAULT_IMAGE}`, which may also be written otherwise"),
    )
    lab: LabSite = Field(default=LabSite(), description="Sizes for the rehearsal.")

    @property
    def zone(self) -> str:
        """The DNS domain, said or implied."""
        return self.domain or f"{self.site}.internal"

    @property
    def line(self) -> HarvesterLine:
        """What is known of the site's Harvester."""
        line = line_of(self.hypervisor.harvester)
        if line is None:  # the key's own type refuses unknown lines
            raise ValueError(f"Harvester {self.hypervisor.harvester} is not known")
        return line

    def role_of(self, name: str) -> NetworkRole:
        """What a network is for, said or implied."""
        said = self.networks[name].role
        if said is not None:
            return said
        if name == MAIN_NETWORK or len(self.networks) == 1:
            return NetworkRole.PROVISIONING
        return NetworkRole.VM

    def networks_for(self, role: NetworkRole) -> tuple[str, ...]:
        """The names of the networks of one role, sorted."""
        return tuple(sorted(name for name in self.networks if self.role_of(name) is role))

    @property
    def vm_network(self) -> str:
        """The name of the network on which virtual machines stand unless they say another."""
        return next(iter(self.networks_for(NetworkRole.VM)), self.provisioning)

    @property
    def has_staging(self) -> bool:
        """Whether a virtual machine takes the laptop's place."""
        if self.staging.enabled is not None:
            return self.staging.enabled
        return self.cluster is not None or bool(self.vms) or self.staging != StagingSite()

    def image(self, name: str) -> ImageSite | None:
        """What is known of an image, said or implied; None where nothing is."""
        said = self.images.get(name)
        if said is None and name == DEFAULT_IMAGE:
            return ImageSite(url=DEFAULT_IMAGE_URL)
        return said

    @property
    def provisioning(self) -> str:
        """The name of the network on which machines boot. The rules see to it that there is one."""
        names = self.networks_for(NetworkRole.PROVISIONING)
        return names[0] if names else min(self.networks)
