"""Which container images RKE2's and K3s' archives hold: what a cluster may run without a network.

The archives are `docker save`'s, whole or packed by zstd or gzip (rke2 `scripts/package-images`,
k3s `scripts/package-airgap`). Only their list of names is read, never a layer.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import zstandard

from appliance import advice
from appliance.errors import ArtifactError

_LISTS = ("manifest.json", "index.json")
_REF_NAMES = ("io.containerd.image.name", "org.opencontainers.image.ref.name")
_LARGEST_LIST = 4 << 20


def image_names(archive: Path) -> frozenset[str]:
    """Give the names in an archive, as it writes them. Raises ArtifactError."""
    try:
        with ExitStack() as stack:
            packed = stack.enter_context(archive.open("rb"))
            stream = stack.enter_context(_unpacked(archive, packed))
            names = frozenset(_names(stack.enter_context(tarfile.open(fileobj=stream, mode="r|*"))))
    except (OSError, EOFError, tarfile.TarError, zstandard.ZstdError, ValueError) as error:
        raise _fault(archive, str(error) or type(error).__name__) from error
    except (AttributeError, KeyError, TypeError) as error:
        raise _fault(archive, f"its list of images is not one: {error}") from error
    if not names:
        raise _fault(archive, "it names no image")
    return names


def _unpacked(archive: Path, packed: IO[bytes]) -> Any:
    # tarfile unpacks gzip by itself; Zstandard only from Python 3.14 on.
    if archive.suffix == ".zst":
        return zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
    return packed


def _names(tar: tarfile.TarFile) -> Iterator[str]:
    for entry in tar:
        name = entry.name.removeprefix("./")
        if name not in _LISTS or not entry.isfile():
            continue
        if entry.size > _LARGEST_LIST:
            raise ValueError(f"its {name} is of {entry.size} octets")
        file = tar.extractfile(entry)
        found = json.load(file) if file else None
        yield from _docker_names(found) if name == "manifest.json" else _oci_names(found)


def _docker_names(manifest: Any) -> Iterator[str]:
    for image in manifest:
        yield from map(str, image["RepoTags"] or ())


def _oci_names(index: Any) -> Iterator[str]:
    for each in index["manifests"]:
        notes = each.get("annotations") or {}
        # A bare tag is no name: `docker save` writes one beside the whole name.
        yield from (str(notes[key]) for key in _REF_NAMES if ":" in str(notes.get(key, "")))


def _fault(archive: Path, why: str) -> ArtifactError:
    return ArtifactError(
        "the names of an archive's images cannot be read",
        where=archive.name,
        why=why,
        fix=advice.fetch_it_again(),
    )
