"""Archives of images as different programs write them."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def octets(value: Any) -> bytes:
    """Give a document's octets."""
    return json.dumps(value).encode()


def descriptor(kind: str, content: bytes, **more: Any) -> dict[str, Any]:
    """Refer to content."""
    return {"mediaType": kind, "digest": digest(content), "size": len(content), **more}


def digest(content: bytes) -> str:
    """Name content."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def blob_name(content: bytes) -> str:
    """Give where a layout keeps content."""
    return f"blobs/sha256/{digest(content)[7:]}"


def image(text: bytes) -> tuple[bytes, dict[str, bytes]]:
    """Give a manifest and its blobs by their place in a layout."""
    config = octets({"of": text.decode()})
    manifest = octets(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(CONFIG, config),
            "layers": [descriptor(LAYER, text)],
        }
    )
    return manifest, {blob_name(each): each for each in (config, text, manifest)}


def layout(*entries: dict[str, Any], files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Give a layout's files."""
    index = octets({"schemaVersion": 2, "manifests": list(entries)})
    return {"oci-layout": octets({"imageLayoutVersion": "1.0.0"}), "index.json": index, **files}


def named(name: str) -> dict[str, dict[str, str]]:
    """Give an entry's annotations."""
    return {"annotations": {"org.opencontainers.image.ref.name": name}}


def write(path: Path, files: Mapping[str, bytes], *, packed: bool = False) -> Path:
    """Write an archive."""
    with tarfile.open(path, "w:gz" if packed else "w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return path
