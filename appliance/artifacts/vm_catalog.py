"""What the site's second half needs: images, RKE2 or K3s, Terraform and its provider, a registry.

Pure. As in `catalog`: each file's name, where upstream publishes it, what vouches for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from appliance.artifacts.catalog import Trust, Wanted
from appliance.site.artifact_names import (
    DistributionFiles,
    ReleaseFiles,
    image_signature_file,
    image_sums_file,
    kubectl_files,
    kubernetes_version,
    provider_files_for,
    registry_files,
    terraform_files,
    tofu_files,
    upstream_name,
)
from appliance.site.plan import ClusterPlan, Distribution, ImagePlan, Plan, StagingPlan
from appliance.values import Digest

UBUNTU_IMAGES = "https://cloud-images.ubuntu.com/"
"""Signs its lists of checksums, as `SHA256SUMS.gpg` beside each."""
_TERRAFORM = "https://releases.hashicorp.com/terraform"
_TOFU = "https://github.com/opentofu/opentofu/releases/download"
_PROVIDER = "https://github.com/harvester/terraform-provider-harvester/releases/download"
_REGISTRY = "https://github.com/distribution/distribution/releases/download"
_KUBECTL = "https://dl.k8s.io/release"
_RELEASES = {
    Distribution.RKE2: "https://github.com/rancher/rke2/releases/download",
    Distribution.K3S: "https://github.com/k3s-io/k3s/releases/download",
}
_SOURCES = {
    Distribution.RKE2: "https://raw.githubusercontent.com/rancher/rke2",
    Distribution.K3S: "https://raw.githubusercontent.com/k3s-io/k3s",
}
"""Where `install.sh` of the very version stands: a release holds none."""


def wanted_for_vms(plan: Plan) -> tuple[Wanted, ...]:
    """Give all that virtual machines, cluster and staging need; nothing where there are none.

    Lists of checksums stand before the files they vouch for.
    """
    wants = [want for image in plan.images for want in _image(image)]
    if plan.vms:
        wants += _terraform(provider_files_for(plan.hypervisor.harvester))
    if plan.cluster is not None:
        wants += _cluster(plan.cluster)
    if plan.staging is not None:
        wants += _staging(plan.staging)
    return tuple(wants)


def _image(image: ImagePlan) -> Iterator[Wanted]:
    folder, _, published = image.url.rpartition("/")
    published = published or upstream_name(image.file)
    of = folder.rpartition("/")[2]
    sums = None
    if image.sums:
        name = image.sums.rpartition("/")[2]
        sums = image_sums_file(image.file, name)
        signature = _signature(image, of)
        if signature is not None:
            yield signature
        yield Wanted(
            sums,
            image.sums,
            f"upstream's checksums of image {image.name}",
            Trust.FIRST_USE,
            signature=signature.name if signature else None,
            upstream=name,
            folder=of,
            beside=(published, image.file),
            served=False,
        )
    given = [Digest("sha256", image.sha256)] if image.sha256 else []
    given += [Digest("sha512", image.sha512)] if image.sha512 else []
    trust = Trust.SUMS if sums else Trust.GIVEN if given else Trust.FIRST_USE
    yield Wanted(
        image.file,
        image.url,
        f"image {image.name} of virtual machines",
        trust,
        sums=sums,
        accepted=tuple(given),
        upstream=published,
        folder=of,
    )


def _signature(image: ImagePlan, folder: str) -> Wanted | None:
    if not image.sums.startswith(UBUNTU_IMAGES):
        return None
    return Wanted(
        image_signature_file(image.file),
        f"{image.sums}.gpg",
        f"upstream's signature of the checksums of image {image.name}",
        Trust.FIRST_USE,
        upstream="SHA256SUMS.gpg",
        folder=folder,
        beside=(image.url.rpartition("/")[2], image.file),
        needed=False,
        served=False,
    )


def _terraform(provider: ReleaseFiles) -> Iterator[Wanted]:
    terraform, tofu = terraform_files(), tofu_files()
    yield from _release(
        terraform, f"{_TERRAFORM}/{terraform.version}", "Terraform", needed=False, served=False
    )
    yield from _release(
        tofu,
        f"{_TOFU}/v{tofu.version}",
        "OpenTofu, which does in Terraform's place",
        needed=False,
        served=False,
        import_only=True,
    )
    yield from _release(
        provider,
        f"{_PROVIDER}/v{provider.version}",
        "Terraform's provider for Harvester",
        served=False,
    )


def _release(
    files: ReleaseFiles,
    base: str,
    why: str,
    *,
    needed: bool = True,
    served: bool = True,
    import_only: bool = False,
) -> Iterator[Wanted]:
    yield Wanted(
        files.sums,
        f"{base}/{files.sums}",
        f"upstream's checksums of {why}",
        Trust.FIRST_USE,
        folder=files.version,
        needed=needed,
        import_only=import_only,
        served=False,
    )
    yield Wanted(
        files.archive,
        f"{base}/{files.archive}",
        why,
        Trust.SUMS,
        sums=files.sums,
        folder=files.version,
        needed=needed,
        import_only=import_only,
        served=served,
    )


def _cluster(cluster: ClusterPlan) -> Iterator[Wanted]:
    files = DistributionFiles.of(cluster.distribution, cluster.version)
    version = quote(cluster.version, safe="")
    base = f"{_RELEASES[cluster.distribution]}/{version}"
    title = f"{cluster.distribution.value} {cluster.version}"
    largest = files.images[0]
    beside = (upstream_name(largest), largest)
    yield Wanted(
        files.sums,
        f"{base}/{upstream_name(files.sums)}",
        f"upstream's checksums of {title}",
        Trust.FIRST_USE,
        upstream=upstream_name(files.sums),
        folder=cluster.version,
        beside=beside,
    )
    yield Wanted(
        files.install,
        f"{_SOURCES[cluster.distribution]}/{version}/install.sh",
        f"the installer of {title}",
        Trust.FIRST_USE,
        upstream="install.sh",
        folder=cluster.version,
        aliases=(f"{cluster.distribution.value}-install.sh",),
        beside=beside,
    )
    for name in (files.program, *files.images):
        yield Wanted(
            name,
            f"{base}/{upstream_name(name)}",
            f"{'the program' if name == files.program else 'container images'} of {title}",
            Trust.SUMS,
            sums=files.sums,
            upstream=upstream_name(name),
            folder=cluster.version,
            beside=beside,
        )
    yield from _kubectl(kubernetes_version(cluster.version))


def _kubectl(version: str) -> Iterator[Wanted]:
    files, base = kubectl_files(version), f"{_KUBECTL}/{version}/bin/linux/amd64"
    yield Wanted(
        files.sums,
        f"{base}/kubectl.sha256",
        "upstream's checksum of kubectl",
        Trust.FIRST_USE,
        upstream="kubectl.sha256",
        folder=version,
        needed=False,
        served=False,
    )
    yield Wanted(
        files.archive,
        f"{base}/kubectl",
        "the command line of the cluster, for who takes the site over",
        Trust.SUMS,
        sums=files.sums,
        upstream="kubectl",
        folder=version,
        needed=False,
    )


def _staging(staging: StagingPlan) -> Iterator[Wanted]:
    files = registry_files()
    yield from _release(files, f"{_REGISTRY}/v{files.version}", "the staging machine's registry")
    sources = {each.rpartition("/")[2]: each for each in staging.sources}
    for name in staging.images:
        yield Wanted(
            name,
            sources.get(name, ""),
            "container images for the staging machine's registry",
            Trust.FIRST_USE,
        )
