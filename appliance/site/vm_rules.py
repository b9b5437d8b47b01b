"""The rules of virtual machines and their images. `site/rules.py` asks them with the others.

Pure: a Site in, findings out.
"""

from __future__ import annotations

from collections.abc import Iterator

from appliance.site.artifact_names import is_iso
from appliance.site.built import image_file_of
from appliance.site.fields import GIB
from appliance.site.model import Site
from appliance.site.places import Finding, Path, network_path, vm_path
from appliance.site.scalars import NetworkRole, nearest
from appliance.site.versions import DEFAULT_IMAGE
from appliance.site.vms import agent_names, server_names, wanted_vms

MIB = 2**20


def vm_networks_known(site: Site) -> Iterator[Finding]:
    """A virtual machine stands on a network of the file, and not on the storage one."""
    said: list[tuple[Path, str | None]] = [
        (vm_path(name, "network"), vm.network) for name, vm in sorted(site.vms.items())
    ]
    if site.cluster is not None:
        said.append((("cluster", "network"), site.cluster.network))
    for path, name in said:
        if name is None:
            continue
        if name not in site.networks:
            what = f"there is no network {name}"
            yield Finding(path, what, _did_you_mean(name, sorted(site.networks)), (("networks",),))
        elif site.role_of(name) is NetworkRole.STORAGE:
            what = f"network {name} is for storage"
            yield Finding(path, what, "choose another", (network_path(name, "role"),))


def vm_images_known(site: Site) -> Iterator[Finding]:
    """What a virtual machine starts from is in the file: no CD as its image, no image as its CD."""
    disks: list[tuple[Path, str | None]] = [(("staging", "image"), site.staging.image)]
    if site.cluster is not None:
        disks.append((("cluster", "image"), site.cluster.image))
    disks += [(vm_path(name, "image"), vm.image) for name, vm in sorted(site.vms.items())]
    cds: list[tuple[Path, str | None]] = []
    for name, vm in sorted(site.vms.items()):
        cds += [(vm_path(name, "iso"), vm.iso), (vm_path(name, "driver_disk"), vm.driver_disk)]
    for wants_cd, uses in ((False, disks), (True, cds)):
        for path, image in uses:
            if image is not None:
                yield from _image_fits(site, path, image, wants_cd=wants_cd)


def _image_fits(site: Site, path: Path, name: str, *, wants_cd: bool) -> Iterator[Finding]:
    if site.image(name) is None:
        known = sorted({*site.images, DEFAULT_IMAGE})
        yield Finding(path, f"there is no image {name}", _did_you_mean(name, known), (("images",),))
        return
    file = image_file_of(site, {}, name)
    if file and is_iso(file) is not wants_cd:
        kind = "a disk" if wants_cd else "a CD"
        fix = "name an image whose file ends with .iso" if wants_cd else "write it as iso"
        yield Finding(path, f"{name} is {kind}, {file}", fix, (("images", name),))


def _did_you_mean(word: str, known: list[str]) -> str:
    near = nearest(word, known)
    return f"did you mean {near}?" if near else f"known here: {', '.join(known)}"


def vm_sources_sensible(site: Site) -> Iterator[Finding]:
    """A virtual machine starts from a disk or is installed from a CD; drivers only with a CD."""
    for name, vm in sorted(site.vms.items()):
        if vm.image and vm.iso:
            what = "image and iso are both given"
            yield Finding(vm_path(name, "iso"), what, "keep one of the two")
        if vm.driver_disk and not vm.iso:
            what = "drivers are for a system that is installed from an iso"
            yield Finding(vm_path(name, "driver_disk"), what, "name the iso, or take this out")
        if vm.ssh_keys and vm.iso:
            what = "nothing gives keys to a system that is installed by hand"
            yield Finding(vm_path(name, "ssh_keys"), what, "take them out")


def vm_firmware_sensible(site: Site) -> Iterator[Finding]:
    """Secure boot is a matter of UEFI (KubeVirt refuses it with a BIOS)."""
    for name, vm in sorted(site.vms.items()):
        if vm.secure_boot and not vm.efi:
            what = "secure boot needs UEFI firmware"
            yield Finding(vm_path(name, "secure_boot"), what, "write efi: true, or take this out")


def vm_sizes_whole(site: Site) -> Iterator[Finding]:
    """Memory and disks are whole MiB: Harvester rounds others, and they would differ for ever."""
    sizes: list[tuple[Path, int]] = [
        (("staging", "memory"), site.staging.memory),
        (("staging", "disk"), site.staging.disk),
    ]
    if site.cluster is not None:
        for key, size in (
            ("servers", site.cluster.sizes.servers),
            ("agents", site.cluster.sizes.agents),
        ):
            place: Path = ("cluster", "sizes", key)
            sizes += [((*place, "memory"), size.memory), ((*place, "disk"), size.disk)]
    for name, vm in sorted(site.vms.items()):
        sizes += [(vm_path(name, "memory"), vm.memory), (vm_path(name, "disk"), vm.disk)]
    for path, octets in sizes:
        if octets % MIB:
            near = max(1, round(octets / GIB)) if octets >= GIB else 0
            fix = f"write {near}G" if near else f"write {max(1, round(octets / MIB))}M"
            yield Finding(path, f"{octets} octets are no whole MiB", fix)


def images_sensible(site: Site) -> Iterator[Finding]:
    """An image has a source, one thing that vouches for it, and a file of its own."""
    files: dict[str, str] = {}
    for name, image in sorted(site.images.items()):
        path: Path = ("images", name)
        if image.url is None and image.file is None:
            what = "neither url nor file is given"
            yield Finding(path, what, "write where it is, or what it is called", of_key=True)
            continue
        given = [key for key in ("sums", "sha256", "sha512") if getattr(image, key)]
        for key in given[1:]:
            yield Finding((*path, key), f"{given[0]} is given as well", "keep one of them")
        if image.url is not None and image.url.startswith("http:") and not given[:1]:
            what = "nothing vouches for what comes without TLS"
            yield Finding((*path, "url"), what, "write https, or its sha256 beside it")
        for key in given:
            if not getattr(image, key).strip("0"):
                fix = f"write what {key}sum prints for the file, or leave {key} out: "
                fix += "then the first file that comes is taken, and kept to"
                yield Finding((*path, key), "zeros stand for a checksum that is not known", fix)
        if image.sums is not None and image.url is None:
            what = "the list belongs to a url, and there is none"
            yield Finding((*path, "sums"), what, "write sha256 or sha512 instead")
        file = image_file_of(site, {}, name)
        if file in files:
            what = f"{file} is also image {files[file]}"
            yield Finding(path, what, "give one of them another file", of_key=True)
        files.setdefault(file, name)


def cluster_options_fit(site: Site) -> Iterator[Finding]:
    """Single addresses belong to members, and the CIS profile is RKE2's."""
    cluster = site.cluster
    if cluster is None:
        return
    members = (*server_names(cluster), *agent_names(cluster))
    for name in sorted(cluster.addresses.keys() - set(members)):
        path: Path = ("cluster", "addresses", name)
        related: tuple[Path, ...] = (("cluster", "servers"), ("cluster", "agents"))
        known = f"its machines are {', '.join(members)}"
        yield Finding(path, f"the cluster has no {name}", known, related, of_key=True)
    if cluster.profile is not None and cluster.k3s and not cluster.rke2:
        what = "K3s has no profile of that kind"
        yield Finding(("cluster", "profile"), what, "choose rke2, or take this out")


def staging_images_apart(site: Site) -> Iterator[Finding]:
    """No two archives of the registry fall on one file of the depot."""
    seen: dict[str, Path] = {}
    for index, each in enumerate(site.staging.images):
        path: Path = ("staging", "images", index)
        name = each.rpartition("/")[2]
        if name in seen:
            yield Finding(path, f"{name} stands there twice", "rename one of them", (seen[name],))
        seen.setdefault(name, path)


def vm_names_free(site: Site) -> Iterator[Finding]:
    """A plain machine takes no name of the cluster's or of the staging machine."""
    owned = {each.name: each.path for each in wanted_vms(site) if each.path[0] != "vms"}
    for name in sorted(site.vms.keys() & owned.keys()):
        owner = "staging machine" if owned[name] == ("staging",) else "cluster"
        what = f"{name} is a name of the {owner}"
        yield Finding(vm_path(name), what, "choose another name", (owned[name],), of_key=True)
