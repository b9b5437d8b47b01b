"""Images: which ones a node needs, and which ones its archives brought.

An archive is what `docker image save` writes, as upstream's are: `manifest.json` names each
image's tags, configuration and layers. Every byte of it is read, so a damaged one is found.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import lzma
import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import zstd
from .options import Product

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst")
REGISTRY = "docker.io"


class ArchiveError(Exception):
    """An archive of images cannot be used."""


@dataclass(frozen=True, slots=True)
class Image:
    """One image as an archive holds it: its reference, the digest of its configuration, bytes."""

    reference: str
    digest: str
    size: int


def read_archive(data: bytes, name: str) -> tuple[Image, ...]:
    """Read an archive of images. Raises ArchiveError if it is damaged or holds something else."""
    try:
        with tarfile.open(fileobj=io.BytesIO(_plain(data, name))) as archive:
            files = {m.name: _content(archive, m) for m in archive.getmembers() if m.isfile()}
        entries: list[dict[str, Any]] = json.loads(files["manifest.json"])
        return tuple(
            _image(tag, entry, files) for entry in entries for tag in entry["RepoTags"] or ()
        )
    except KeyError as error:
        raise ArchiveError(f"{error.args[0]} is not in the archive") from error
    except _DAMAGE as error:
        raise ArchiveError(str(error) or type(error).__name__) from error


_DAMAGE = (
    OSError,  # gzip's own: BadGzipFile
    EOFError,
    ValueError,
    TypeError,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    zstd.ZstdError,
)


def _plain(data: bytes, name: str) -> bytes:
    if name.endswith((".zst", ".tzst")):
        return zstd.decompress(data)
    if name.endswith((".gz", ".tgz")):
        return gzip.decompress(data)
    return data


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(member)
    return opened.read() if opened else b""


def _image(tag: str, entry: Mapping[str, Any], files: Mapping[str, bytes]) -> Image:
    config = files[entry["Config"]]
    wanted = json.loads(config)["rootfs"]["diff_ids"]
    layers = [files[name] for name in entry["Layers"]]
    found = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    if found != wanted:
        raise ArchiveError(f"{tag}: a layer does not have the digest its configuration names")
    digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    return Image(full_name(tag), digest, sum(map(len, layers)))


def full_name(reference: str) -> str:
    """Write a reference with its registry, as the node's own store does."""
    first = reference.partition("/")[0]
    has_registry = "/" in reference and ("." in first or ":" in first or first == "localhost")
    return reference if has_registry else f"{REGISTRY}/{reference}"


def archives(folder: Path) -> list[Path]:
    """Give the archives of a folder, in the order they are imported."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith(SUFFIXES))


# --- what a node needs ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Needs:
    """The images of one version: what each part of a node is started from."""

    runtime: str
    kubernetes: str
    etcd: str
    pause: str
    cloud_controller: str
    coredns: str
    autoscaler: str
    metrics: str
    snapshots: str
    ingress: str
    helm: str
    network: tuple[str, ...]

    def all(self) -> tuple[str, ...]:
        """Give every image once."""
        parts = (self.runtime, self.kubernetes, self.etcd, self.pause, self.cloud_controller)
        addons = (self.coredns, self.autoscaler, self.metrics, self.snapshots, self.ingress)
        every = (*parts, *addons, self.helm, *self.network)
        return tuple(dict.fromkeys(each for each in every if each))


def needs(product: Product) -> Needs:
    """Name the images of a version, as upstream's lists do (rke2, `scripts/build-images`)."""
    if product.name == "k3s":
        return _k3s()
    tag = product.version.replace("+", "-")
    return Needs(
        runtime=f"docker.io/rancher/rke2-runtime:{tag}",
        kubernetes=f"docker.io/rancher/hardened-kubernetes:{tag}-build20260819",
        etcd="docker.io/rancher/hardened-etcd:v3.6.14-k3s1-build20260819",
        pause="docker.io/rancher/mirrored-pause:3.10.2",
        cloud_controller="docker.io/rancher/rke2-cloud-provider:v1.35.1-build20260820",
        coredns="docker.io/rancher/hardened-coredns:v1.14.7-build20260819",
        autoscaler="docker.io/rancher/hardened-cluster-autoscaler:v1.10.3-build20260819",
        metrics="docker.io/rancher/hardened-k8s-metrics-server:v0.9.0-build20260819",
        snapshots="docker.io/rancher/hardened-snapshot-controller:v8.6.0-build20260819",
        ingress="docker.io/rancher/hardened-traefik:v3.7.11-build20260819",
        helm="docker.io/rancher/klipper-helm:v0.13.3-build20260820",
        network=(
            "docker.io/rancher/hardened-calico:v3.32.1-build20260819",
            "docker.io/rancher/hardened-flannel:v0.28.9-build20260819",
        ),
    )


def _k3s() -> Needs:
    """K3s is one program: only what runs in pods comes as images."""
    return Needs(
        runtime="",
        kubernetes="",
        etcd="",
        pause="docker.io/rancher/mirrored-pause:3.6",
        cloud_controller="",
        coredns="docker.io/rancher/mirrored-coredns-coredns:1.14.2",
        autoscaler="",
        metrics="docker.io/rancher/mirrored-metrics-server:v0.8.1",
        snapshots="docker.io/rancher/local-path-provisioner:v0.0.35",
        ingress="docker.io/rancher/mirrored-library-traefik:3.6.12",
        helm="docker.io/rancher/klipper-helm:v0.10.0-build20260513",
        network=(),
    )
