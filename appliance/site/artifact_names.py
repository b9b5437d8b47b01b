"""What the files of a site are called: in the depot, and where upstream publishes them. Pure.

The depot is flat, and one laptop keeps several sites: where upstream's own name carries no version
it is led by what does, up to an underscore. `+` becomes `-`, which no URL has to quote.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from appliance.site.plan import Distribution
from appliance.site.versions import REGISTRY, TERRAFORM, TOFU, provider_of

_DATED = re.compile(r"(?:release-)?(?P<serial>\d{8}(?:\.\d{1,4})?)")
STAGE1_UKI, STAGE1_KERNEL, STAGE1_INITRD = STAGE1_FILES = (
    "stage1-amd64.efi",
    "stage1-amd64.vmlinuz",
    "stage1-amd64.initrd",
)
"""Our own small Linux, which tells what a machine is: one file for UEFI, or kernel and initrd."""
BOOT_DISC = "ipxe.iso"
"""iPXE on a disc, for UEFI and BIOS: what a BMC shows a machine that no network boot brings."""
PROVIDER_SOURCE = "registry.terraform.io/harvester/harvester"
"""The provider's whole source address: OpenTofu's own default host is another."""


@dataclass(frozen=True, slots=True)
class DistributionFiles:
    """RKE2's or K3s' files of one version, by their names in the depot.

    `program` is RKE2's tarball or the one program of K3s, `install` is `install.sh`, `images` are
    archives of container images, `sums` is upstream's list of checksums.
    """

    distribution: Distribution
    version: str
    sums: str
    install: str
    program: str
    images: tuple[str, ...]

    @classmethod
    def of(cls, distribution: Distribution, version: str) -> DistributionFiles:
        """Name the files of a version such as `v1.36.3+rke2r1`."""
        lead = f"{distribution.value}-{version.replace('+', '-')}_"
        if distribution is Distribution.RKE2:
            program = "rke2.linux-amd64.tar.gz"
            # Canal is what RKE2 starts when its configuration names no other network.
            images = tuple(f"rke2-images-{each}.linux-amd64.tar.zst" for each in ("core", "canal"))
        else:
            program, images = "k3s", ("k3s-airgap-images-amd64.tar.zst",)
        return cls(
            distribution,
            version,
            sums=f"{lead}sha256sum-amd64.txt",
            install=f"{lead}install.sh",
            program=f"{lead}{program}",
            images=tuple(f"{lead}{each}" for each in images),
        )

    @property
    def all(self) -> tuple[str, ...]:
        """All of them, the list of checksums first."""
        return (self.sums, self.install, self.program, *self.images)


@dataclass(frozen=True, slots=True)
class ReleaseFiles:
    """A released archive, and upstream's list of checksums; both names carry the version."""

    version: str
    archive: str
    sums: str


def upstream_name(name: str) -> str:
    """Give upstream's own name of a file of RKE2, K3s or a cloud image: what follows the lead.

    `rke2-v1.36.3-rke2r1_install.sh` is `install.sh`; a name without a lead is upstream's own.
    """
    lead, mark, rest = name.partition("_")
    led = re.match(r"(rke2|k3s)-v\d", lead) or _DATED.fullmatch(lead)
    return rest if mark and led else name


def terraform_files(version: str = TERRAFORM) -> ReleaseFiles:
    """Name Terraform's release, such as `1.14.8`."""
    stem = f"terraform_{version}"
    return ReleaseFiles(version, f"{stem}_linux_amd64.zip", f"{stem}_SHA256SUMS")


def tofu_files(version: str = TOFU) -> ReleaseFiles:
    """Name OpenTofu's release, which does in Terraform's place."""
    stem = f"tofu_{version}"
    return ReleaseFiles(version, f"{stem}_linux_amd64.zip", f"{stem}_SHA256SUMS")


def provider_files(version: str) -> ReleaseFiles:
    """Name the release of Terraform's provider for Harvester, such as `1.8.1`."""
    stem = f"terraform-provider-harvester_{version}"
    return ReleaseFiles(version, f"{stem}_linux_amd64.zip", f"{stem}_SHA256SUMS")


def provider_files_for(harvester: str) -> ReleaseFiles:
    """Name the provider's release for a version of Harvester, such as `v1.8.2`."""
    return provider_files(provider_of(harvester))


def registry_files(version: str = REGISTRY) -> ReleaseFiles:
    """Name the release of the registry that the staging machine runs, such as `3.1.2`."""
    archive = f"registry_{version}_linux_amd64.tar.gz"
    return ReleaseFiles(version, archive, f"{archive}.sha256")


def kubectl_files(version: str) -> ReleaseFiles:
    """Name kubectl, which upstream calls no more than that; `version` has its leading `v`."""
    name = f"kubectl-{version}-linux-amd64"
    return ReleaseFiles(version, name, f"{name}.sha256")


def kubernetes_version(version: str) -> str:
    """Give the version of Kubernetes in RKE2's or K3s': `v1.36.3` of `v1.36.3+rke2r1`."""
    return version.partition("+")[0]


def image_file(url: str) -> str:
    """Name the file of a URL in the depot: led by the date of its folder, where that has one.

    `…/noble/release-20260814/x.img` is `20260814_x.img`.
    """
    folder, _, name = url.partition("?")[0].rpartition("/")
    dated = _DATED.fullmatch(folder.rpartition("/")[2])
    return f"{dated['serial']}_{name}" if dated else name


def is_iso(file: str) -> bool:
    """Whether an image is a CD's, by its name."""
    return file.lower().endswith(".iso")


def image_sums_file(file: str, upstream: str = "SHA256SUMS") -> str:
    """Name the list of checksums that vouches for an image; `upstream` is its name over there."""
    return f"{file}.{upstream}"


def image_signature_file(file: str) -> str:
    """Name the detached signature of Ubuntu's list."""
    return f"{image_sums_file(file)}.gpg"
