"""An archive's images into a registry: what is there already is not sent again."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from appliance.staging.archive import Archive, Image
from appliance.staging.registry import Registry


@dataclass(frozen=True, slots=True)
class Pushed:
    """What became of one image: `blobs` were sent; False in `changed` means all was there."""

    image: str
    digest: str
    blobs: int
    changed: bool


def push(path: Path, registry: Registry) -> tuple[Pushed, ...]:
    """Put all images of an archive into a registry, each under its name without the host.

    Killed and run again it continues. Raises ArtifactError for a damaged archive, StepError where
    the registry does not take something.
    """
    with Archive(path) as archive:
        return tuple(_push(archive, image, registry) for image in archive.images())


def _push(archive: Archive, image: Image, registry: Registry) -> Pushed:
    if registry.has_manifest(image.repository, image.tag, image.digest):
        # A registry takes a manifest only after all it refers to.
        return Pushed(str(image), image.digest, 0, changed=False)
    missing = [each for each in image.blobs if not registry.has_blob(image.repository, each)]
    for blob in missing:
        registry.put_blob(image.repository, blob, archive.parts(blob))
    for manifest in image.manifests:
        registry.put_manifest(image.repository, manifest.digest, manifest)
    registry.put_manifest(image.repository, image.tag, image.manifests[-1])
    return Pushed(str(image), image.digest, len(missing), changed=True)
