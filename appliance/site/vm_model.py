"""What a site file may say of virtual machines: the cluster's, plain ones, staging, images.

As in `site/model.py`, the descriptions are the docs' and the JSON Schema's.
"""

from __future__ import annotations

from pydantic import Field

from appliance.site.fields import GIB, SiteModel, unsaid
from appliance.site.scalars import (
    Address,
    Agents,
    Cpus,
    Device,
    FileName,
    FileOrUrl,
    Flag,
    ImageName,
    K3s,
    Label,
    Profile,
    Rke2,
    Servers,
    Sha256,
    Sha512,
    Size,
    SshKey,
    Url,
)
from appliance.site.versions import DEFAULT_IMAGE


class VmSize(SiteModel):
    """The size of one virtual machine."""

    cpus: Cpus = Field(default=2, description="Virtual processors.")
    memory: Size = Field(default=4 * GIB, description="Memory.", json_schema_extra=unsaid("`4G`"))
    disk: Size = Field(default=40 * GIB, description="Disk.", json_schema_extra=unsaid("`40G`"))


class VmSizes(SiteModel):
    """The sizes of the cluster's virtual machines."""

    servers: VmSize = Field(default=VmSize(), description="Size of each server.")
    agents: VmSize = Field(default=VmSize(), description="Size of each agent.")


class ClusterSite(SiteModel):
    """The Kubernetes cluster on virtual machines. `rke2` or `k3s`, one of them."""

    rke2: Rke2 | None = Field(
        default=None,
        description="The version of RKE2.",
        json_schema_extra=unsaid("`k3s` says the version"),
    )
    k3s: K3s | None = Field(
        default=None,
        description="The version of K3s, instead of RKE2.",
        json_schema_extra=unsaid("`rke2` says the version"),
    )
    servers: Servers = Field(
        default=3,
        description="Virtual machines with the control plane: 1, 3, 5, 7 or 9. They are called "
        "`server1`, `server2` and so on.",
    )
    agents: Agents = Field(
        default=0, description="Virtual machines that only carry work: `agent1` and so on."
    )
    sizes: VmSizes = Field(default=VmSizes(), description="Sizes of the virtual machines.")
    address: Address | None = Field(
        default=None,
        description="The address of the site's own load balancer for ports 6443 and 9345, by which "
        "machines join and people reach the API.",
        json_schema_extra=unsaid("the name `cluster.<domain>`, which stands for every server"),
    )
    addresses: dict[Label, Address] = Field(
        default_factory=dict,
        description="Addresses of single machines: `{server1: 10.20.0.51}`.",
        json_schema_extra=unsaid("proposed, then kept from its first use"),
    )
    profile: Profile | None = Field(
        default=None,
        description="`cis` hardens RKE2 as its CIS profile asks.",
        json_schema_extra=unsaid("none"),
    )
    active: Flag = Field(
        default=True, description="Whether it runs. `false` stops its virtual machines."
    )
    image: ImageName | None = Field(
        default=None,
        description="The image its virtual machines start from.",
        json_schema_extra=unsaid(f"`{DEFAULT_IMAGE}`"),
    )
    network: Label | None = Field(
        default=None,
        description="The network its virtual machines stand on.",
        json_schema_extra=unsaid("the first by name that is for `vm`, else the provisioning one"),
    )
    ssh_keys: tuple[SshKey, ...] = Field(
        default=(),
        strict=False,
        description="Public SSH keys that may log in to its virtual machines as `bridgehead`.",
        json_schema_extra=unsaid("none besides the key that is made for the site"),
    )


class VmSite(VmSize):
    """One virtual machine beside the cluster. Its key is its name."""

    image: ImageName | None = Field(
        default=None,
        description="The image it starts from.",
        json_schema_extra=unsaid(f"`{DEFAULT_IMAGE}`, unless there is an `iso`"),
    )
    iso: ImageName | None = Field(
        default=None,
        description="Instead: the image of a CD that it is installed from, by hand, on an empty "
        "disk.",
        json_schema_extra=unsaid("it starts from `image`"),
    )
    driver_disk: ImageName | None = Field(
        default=None,
        description="A second CD beside `iso`, with drivers: Windows has none for a virtio disk.",
    )
    network: Label | None = Field(
        default=None,
        description="The network it stands on.",
        json_schema_extra=unsaid("the first by name that is for `vm`, else the provisioning one"),
    )
    address: Address | None = Field(
        default=None,
        description="Its address. With an `iso` it is only named in DNS: the installed system "
        "settles its own.",
        json_schema_extra=unsaid("proposed, then kept from its first use; with an `iso` none"),
    )
    efi: Flag = Field(default=True, description="UEFI firmware; `false`: BIOS, for old systems.")
    secure_boot: Flag = Field(default=False, description="UEFI starts only what is signed.")
    tpm: Flag = Field(default=False, description="A virtual TPM 2.0.")
    pci: tuple[Device, ...] = Field(
        default=(),
        strict=False,
        description="PCI devices of the host that are passed through, as Harvester names them.",
    )
    usb: tuple[Device, ...] = Field(
        default=(),
        strict=False,
        description="USB devices of the host that are passed through, as Harvester names them.",
    )
    ssh_keys: tuple[SshKey, ...] = Field(
        default=(),
        strict=False,
        description="Public SSH keys that may log in as `bridgehead`.",
        json_schema_extra=unsaid("none besides the key that is made for the site"),
    )
    running: Flag = Field(default=True, description="Whether it runs. `false` keeps it stopped.")


class ImageSite(SiteModel):
    """An image for virtual machines. Its key is its name. `.iso` files are CDs, others disks."""

    url: Url | None = Field(
        default=None,
        description="Where it is published. Choose a dated place: what is at `current` changes.",
        json_schema_extra=unsaid("it is imported: `provision fetch --from FOLDER`"),
    )
    file: FileName | None = Field(
        default=None,
        description="Its name in the depot.",
        json_schema_extra=unsaid("the URL's own, led by the date of its folder"),
    )
    sums: Url | None = Field(
        default=None,
        description="Where its list of checksums is published.",
        json_schema_extra=unsaid(
            "the list beside an image of Ubuntu or Debian, else `sha256` or `sha512` vouches, "
            "else its first use"
        ),
    )
    sha256: Sha256 | None = Field(default=None, description="Its checksum, instead of a list.")
    sha512: Sha512 | None = Field(default=None, description="Its checksum, instead of a list.")


class StagingSite(SiteModel):
    """The virtual machine `staging`, which takes the laptop's place: DNS, time, files, images."""

    enabled: Flag | None = Field(
        default=None,
        description="Whether there is one.",
        json_schema_extra=unsaid("`true` where there is a cluster, a virtual machine or this map"),
    )
    address: Address | None = Field(
        default=None,
        description="Its address on the provisioning network. All that is built asks there for "
        "names and time; until it runs, the laptop answers at it.",
        json_schema_extra=unsaid("proposed, then kept from its first use"),
    )
    cpus: Cpus = Field(default=2, description="Virtual processors.")
    memory: Size = Field(default=2 * GIB, description="Memory.", json_schema_extra=unsaid("`2G`"))
    disk: Size = Field(default=40 * GIB, description="Disk.", json_schema_extra=unsaid("`40G`"))
    image: ImageName | None = Field(
        default=None,
        description="The image it starts from.",
        json_schema_extra=unsaid(f"`{DEFAULT_IMAGE}`"),
    )
    images: tuple[FileOrUrl, ...] = Field(
        default=(),
        strict=False,
        description="Archives of container images (OCI, as `skopeo copy` writes them) that its "
        "registry holds: URLs, or names of files to import.",
    )
    ssh_keys: tuple[SshKey, ...] = Field(
        default=(),
        strict=False,
        description="Public SSH keys that may log in as `bridgehead`.",
        json_schema_extra=unsaid("none besides the key that is made for the site"),
    )
