"""An archive of container images, read in place: a tar of an OCI layout, or `docker save`'s.

Sources: OCI image-spec 1.1 (image-layout.md, descriptor.md, manifest.md); moby's `docker save`
layout. Every blob is checked against its digest while it is read: an archive is believed in
nothing.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from appliance.errors import ArtifactError

INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MANIFESTS = (OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v2+json")
_OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
_OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
_REF_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REPOSITORY = re.compile(r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_LARGEST_MANIFEST = 4 << 20
_PART = 1 << 20


@dataclass(frozen=True, slots=True)
class Blob:
    """Content named by its digest (`sha256:…`), of `size` octets."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest's own octets. `blobs` are what it refers to besides other manifests."""

    digest: str
    media_type: str
    body: bytes
    blobs: tuple[Blob, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """One image: where it goes, and its manifests, those that others refer to first."""

    repository: str
    tag: str
    manifests: tuple[Manifest, ...]

    @property
    def digest(self) -> str:
        """The digest that the tag stands for."""
        return self.manifests[-1].digest

    @property
    def blobs(self) -> tuple[Blob, ...]:
        """Every blob once."""
        found = {each.digest: each for manifest in self.manifests for each in manifest.blobs}
        return tuple(found.values())

    def __str__(self) -> str:
        return f"{self.repository}:{self.tag}"


def place_of(reference: str, *, fallback: str) -> tuple[str, str]:
    """Give repository and tag of an image's name, without the registry it came from. Pure.

    `docker.io/rancher/pause:3.6` is `rancher/pause`, `3.6`. A name that is a tag alone, as
    OCI layouts may have it, is a tag of `fallback`. Raises ValueError.
    """
    name = reference.partition("@")[0]
    repository, colon, tag = name.rpartition(":")
    if not colon or "/" in tag:
        is_tag = "/" not in name and bool(_TAG.fullmatch(name)) and bool(fallback)
        repository, tag = (fallback, name) if is_tag else (name, "latest")
    first, slash, rest = repository.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        repository = rest
    if not _REPOSITORY.fullmatch(repository) or not _TAG.fullmatch(tag):
        raise ValueError(f"{reference!r} is no name of an image")
    return repository, tag


class Archive:
    """An open archive, a context manager. Raises ArtifactError for whatever is wrong in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[str, tarfile.TarInfo] = {}
        try:
            self._tar = tarfile.open(path)  # noqa: SIM115 - closed by __exit__
            self._files = {
                each.name.removeprefix("./"): each for each in self._tar if each.isfile()
            }
        except (OSError, tarfile.TarError, EOFError) as error:
            raise ArtifactError(
                "an archive of images cannot be read",
                where=path.name,
                why=str(error),
                fix="give an OCI or docker archive: a tar, or a tar that gzip made",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._tar.close()

    def images(self) -> tuple[Image, ...]:
        """Give all images of the archive."""
        try:
            if "index.json" in self._files:
                return tuple(self._oci_images())
            if "manifest.json" in self._files:
                return tuple(self._docker_images())
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise self._fault(f"{type(error).__name__}: {error}") from error
        raise self._fault("neither index.json nor manifest.json is in it")

    def parts(self, blob: Blob) -> Iterator[bytes]:
        """Give a blob part by part. Raises ArtifactError at its end if its digest is another."""
        digest, size = hashlib.sha256(), 0
        with self._open(self._name_of(blob.digest)) as stream:
            while part := stream.read(_PART):
                digest.update(part)
                size += len(part)
                yield part
        if f"sha256:{digest.hexdigest()}" != blob.digest or size != blob.size:
            raise self._fault(f"the blob {blob.digest} is damaged")

    # ---------------------------------------------------------------- OCI

    def _oci_images(self) -> Iterator[Image]:
        index = self._json("index.json")
        for entry in index["manifests"]:
            names = entry.get("annotations") or {}
            reference = next((names[each] for each in _REF_NAMES if each in names), "latest")
            repository, tag = place_of(reference, fallback=self._stem())
            manifests = tuple(self._manifests(entry))
            if manifests:
                yield Image(repository, tag, manifests)

    def _manifests(self, entry: Mapping[str, Any]) -> Iterator[Manifest]:
        """Give a manifest after those that it refers to."""
        digest, kind = _digest(entry["digest"]), str(entry["mediaType"])
        body = self._small(digest)
        document = json.loads(body)
        kind = str(document.get("mediaType") or kind)
        if kind in INDEXES:
            # An archive of one platform keeps the list of all of them: what is not here is not.
            present = [each for each in document["manifests"] if self._has(each["digest"])]
            for each in present:
                yield from self._manifests(each)
            if len(present) == len(document["manifests"]):
                yield Manifest(digest, kind, body, ())
        elif kind in MANIFESTS:
            blobs = (document["config"], *document["layers"])
            yield Manifest(digest, kind, body, tuple(_blob(each) for each in blobs))

    def _has(self, digest: str) -> bool:
        return self._name_of(_digest(digest)) in self._files

    # ---------------------------------------------------------------- docker save

    def _docker_images(self) -> Iterator[Image]:
        for entry in self._json("manifest.json"):
            manifest = self._docker_manifest(entry)
            for reference in entry.get("RepoTags") or ["latest"]:
                yield Image(*place_of(reference, fallback=self._stem()), (manifest,))

    def _docker_manifest(self, entry: Mapping[str, Any]) -> Manifest:
        config = self._adopt(str(entry["Config"]))
        layers = [self._adopt(str(name)) for name in entry["Layers"]]
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": _OCI_CONFIG, "digest": config.digest, "size": config.size},
            "layers": [
                {
                    "mediaType": _OCI_LAYER + self._packing(each.digest),
                    "digest": each.digest,
                    "size": each.size,
                }
                for each in layers
            ],
        }
        body = json.dumps(document, separators=(",", ":")).encode()
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        return Manifest(digest, OCI_MANIFEST, body, (config, *layers))

    def _adopt(self, name: str) -> Blob:
        """Name a file of the archive by its digest."""
        digest = hashlib.sha256()
        with self._open(name) as stream:
            while part := stream.read(_PART):
                digest.update(part)
        blob = Blob(f"sha256:{digest.hexdigest()}", self._files[name].size)
        self._files[self._name_of(blob.digest)] = self._files[name]
        return blob

    def _packing(self, digest: str) -> str:
        with self._open(self._name_of(digest)) as stream:
            return "+gzip" if stream.read(2) == b"\x1f\x8b" else ""

    # ---------------------------------------------------------------- inside

    def _name_of(self, digest: str) -> str:
        return f"blobs/sha256/{digest.removeprefix('sha256:')}"

    def _stem(self) -> str:
        return re.split(r"\.(?:oci|docker|tar|tgz)", self._path.name)[0].lower()

    def _json(self, name: str) -> Any:
        return json.loads(self._read(name))

    def _small(self, digest: str) -> bytes:
        body = self._read(self._name_of(digest))
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != digest:
            raise self._fault(f"the manifest {digest} is damaged")
        return body

    def _read(self, name: str) -> bytes:
        with self._open(name) as stream:
            body = stream.read(_LARGEST_MANIFEST + 1)
        if len(body) > _LARGEST_MANIFEST:
            raise self._fault(f"{name} is too large")
        return body

    def _open(self, name: str) -> IO[bytes]:
        try:
            stream = self._tar.extractfile(self._files[name])
        except KeyError:
            raise self._fault(f"{name} is not in it") from None
        if stream is None:
            raise self._fault(f"{name} is no file")
        return stream

    def _fault(self, why: str) -> ArtifactError:
        return ArtifactError(
            "an archive of images is damaged",
            where=self._path.name,
            why=why,
            fix="make or fetch it again",
        )


def _digest(text: Any) -> str:
    if not isinstance(text, str) or not _DIGEST.fullmatch(text):
        raise ValueError(f"{text!r} is no SHA-256 digest")
    return text


def _blob(entry: Mapping[str, Any]) -> Blob:
    return Blob(_digest(entry["digest"]), int(entry["size"]))
