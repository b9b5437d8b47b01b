"""A container image as small as one can be: what the staging registry is shown by in the lab.

An OCI archive under the name that a site file gives (`staging.images`), equal to the octet each
time, with the list of sums that lets the depot take it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from appliance.tools.building import digest, in_place

ARCHIVE = "site-hello.oci.tar"
REPOSITORY = "site-hello"
TAG = "1"
_TEXT = b"The site answers by itself.\n"
_INDEX = "application/vnd.oci.image.index.v1+json"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_CREATED = "2026-01-01T00:00:00Z"


def build(cache: Path) -> Path:
    """Give a folder with the archive and its `SHA256SUMS`; made once."""
    content = archive()
    target = cache / f"site-image-{digest(hashlib.sha256(content).hexdigest())[:16]}"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with in_place(target) as draft:
            (draft / ARCHIVE).write_bytes(content)
            sums = f"{hashlib.sha256(content).hexdigest()}  {ARCHIVE}\n"
            (draft / "SHA256SUMS").write_text(sums)
    return target


def archive(text: bytes = _TEXT) -> bytes:
    """Give the archive's octets: an image of one layer with one file, `/hello`."""
    raw = _tar({"hello": text})
    layer = gzip.compress(raw, mtime=0)
    config = _json(
        {
            "created": _CREATED,
            "architecture": "amd64",
            "os": "linux",
            "config": {"Labels": {"org.opencontainers.image.title": REPOSITORY}},
            "rootfs": {"type": "layers", "diff_ids": [_digest(raw)]},
            "history": [{"created": _CREATED, "comment": "made for the rehearsal"}],
        }
    )
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _descriptor(_CONFIG, config),
            "layers": [_descriptor(_LAYER, layer)],
        }
    )
    entry = _descriptor(_MANIFEST, manifest) | {
        "annotations": {"org.opencontainers.image.ref.name": TAG}
    }
    index = _json({"schemaVersion": 2, "mediaType": _INDEX, "manifests": [entry]})
    blobs = {f"blobs/sha256/{_digest(each)[7:]}": each for each in (config, layer, manifest)}
    layout = {"oci-layout": _json({"imageLayoutVersion": "1.0.0"}), "index.json": index}
    return _tar(layout | blobs)


def _tar(files: dict[str, bytes]) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return raw.getvalue()


def _json(value: dict[str, Any]) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _descriptor(kind: str, content: bytes) -> dict[str, Any]:
    return {"mediaType": kind, "digest": _digest(content), "size": len(content)}
