"""The names in archives of images, whatever they are packed with."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
import zstandard

from appliance.cluster.image_names import image_names
from appliance.errors import ArtifactError
from appliance.lab.rke2.tarballs import image_archive, images_of

DOCKER = [
    {"Config": "a.json", "RepoTags": ["rancher/pause:3.6"], "Layers": []},
    {"Config": "b.json", "RepoTags": None, "Layers": []},
    {"Config": "c.json", "RepoTags": ["rancher/etcd:v1", "rancher/etcd:v2"], "Layers": []},
]
OCI = {
    "manifests": [
        {"annotations": {"io.containerd.image.name": "docker.io/rancher/cni:1"}},
        {"annotations": {"org.opencontainers.image.ref.name": "latest"}},
        {},
    ]
}


def _tar(files: dict[str, Any]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, value in files.items():
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        (".tar", lambda data: data),
        (".tar.gz", gzip.compress),
        (".tar.zst", zstandard.ZstdCompressor().compress),
    ],
)
def test_the_names_are_read_however_it_is_packed(tmp_path: Path, suffix: str, pack: Any) -> None:
    """A layer before the list does not matter; an image without a name has none."""
    archive = tmp_path / f"images{suffix}"
    archive.write_bytes(pack(_tar({"x/layer.tar": b"\0" * 70_000, "manifest.json": DOCKER})))
    assert image_names(archive) == {"rancher/pause:3.6", "rancher/etcd:v1", "rancher/etcd:v2"}


def test_an_oci_layout_is_read_too(tmp_path: Path) -> None:
    """A tag alone is no name."""
    archive = tmp_path / "images.tar"
    archive.write_bytes(_tar({"./index.json": OCI}))
    assert image_names(archive) == {"docker.io/rancher/cni:1"}


def test_two_frames_of_zstandard_are_one_archive(tmp_path: Path) -> None:
    """As `zstd` makes them with several threads (pzstd)."""
    data = _tar({"manifest.json": DOCKER})
    pack = zstandard.ZstdCompressor().compress
    archive = tmp_path / "images.tar.zst"
    archive.write_bytes(pack(data[:512]) + pack(data[512:]))
    assert "rancher/pause:3.6" in image_names(archive)


def test_the_labs_archives_name_what_its_cluster_runs(tmp_path: Path) -> None:
    """What the stand-in wants to run is in the archive that it is made from."""
    wanted = images_of("v1.36.3+rke2r1")
    archive = tmp_path / "images.tar"
    archive.write_bytes(image_archive(wanted.all()))
    assert {f"docker.io/{name}" for name in image_names(archive)} == set(wanted.all())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty|open"),
        (b"no archive at all" * 100, "truncated|open|invalid header"),
        (_tar({"x": b"y"}), "names no image"),
        (_tar({"manifest.json": b"{"}), "Expecting"),
        (_tar({"manifest.json": [1]}), "is not one"),
        (_tar({"index.json": {}}), "is not one"),
        (_tar({"manifest.json": b" " * ((4 << 20) + 1)}), "octets"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, data: bytes, why: str) -> None:
    """One error, with the file's name and what to do."""
    archive = tmp_path / "images.tar"
    archive.write_bytes(data)
    with pytest.raises(ArtifactError, match=why) as caught:
        image_names(archive)
    assert caught.value.where == "images.tar"
    assert "provision fetch" in caught.value.fix


def test_a_cut_archive_is_refused(tmp_path: Path) -> None:
    """A download that stopped, whose checksum nobody looked at."""
    whole = zstandard.ZstdCompressor().compress(_tar({"x": b"\1\2\3" * 99_999, "y": b"z"}))
    archive = tmp_path / "images.tar.zst"
    archive.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ArtifactError, match=r"images\.tar\.zst"):
        image_names(archive)
