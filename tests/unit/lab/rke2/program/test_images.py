"""Archives of images, and what a node needs."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest

from appliance.lab.rke2.program import images
from appliance.lab.rke2.program.options import Product
from appliance.lab.rke2.program.zstd import compress
from appliance.lab.rke2.tarballs import image_archive

NAMES = ("docker.io/rancher/one:v1", "docker.io/rancher/two:v2")


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.tar", bytes), ("a.tar.gz", gzip.compress), ("a.tar.zst", compress)],
)
def test_each_packing_is_read(name: str, pack: type[bytes]) -> None:
    """Names with their registry, a digest, a size."""
    found = images.read_archive(pack(image_archive(NAMES)), name)

    assert [each.reference for each in found] == list(NAMES)
    assert all(each.digest.startswith("sha256:") and each.size > 0 for each in found)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (compress(image_archive(NAMES))[:-20], "a.tar.zst"),
        (b"nothing", "a.tar.zst"),
        (gzip.compress(image_archive(NAMES))[:-9], "a.tar.gz"),
        (image_archive(NAMES)[:3000], "a.tar"),
        (b"x" * 2048, "a.tar"),
    ],
)
def test_a_damaged_archive_is_refused(data: bytes, name: str) -> None:
    """Cut off, or something else altogether."""
    with pytest.raises(images.ArchiveError):
        images.read_archive(data, name)


def test_a_layer_that_was_changed_is_refused() -> None:
    """Its configuration names another digest."""
    whole = image_archive(NAMES[:1])
    changed = whole.replace(b"docker.io/rancher/one:v1\n", b"docker.io/rancher/eno:v1\n")
    assert changed != whole
    with pytest.raises(images.ArchiveError, match="digest"):
        images.read_archive(changed, "a.tar")


def test_an_archive_without_its_list_is_refused() -> None:
    """`manifest.json` is what is looked for."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("other"))
    with pytest.raises(images.ArchiveError, match=r"manifest\.json"):
        images.read_archive(packed.getvalue(), "a.tar")


def test_a_list_that_is_none_is_refused() -> None:
    """Whatever JSON stands there."""
    packed = io.BytesIO()
    data = json.dumps([{"RepoTags": ["a"], "Config": "none"}]).encode()
    info = tarfile.TarInfo("manifest.json")
    info.size = len(data)
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.addfile(info, io.BytesIO(data))
    with pytest.raises(images.ArchiveError):
        images.read_archive(packed.getvalue(), "a.tar")


@pytest.mark.parametrize(
    ("name", "full"),
    [
        ("rancher/one:v1", "docker.io/rancher/one:v1"),
        ("registry.test:5000/one:v1", "registry.test:5000/one:v1"),
        ("localhost/one", "localhost/one"),
        ("one:v1", "docker.io/one:v1"),
    ],
)
def test_names_are_written_in_full(name: str, full: str) -> None:
    """With the registry they come from."""
    assert images.full_name(name) == full


def test_archives_of_a_folder(tmp_path: Path) -> None:
    """By name; lists and notes are none."""
    for name in ("b.tar.zst", "a.tar", "c.txt", ".cache.json"):
        (tmp_path / name).touch()
    assert [p.name for p in images.archives(tmp_path)] == ["a.tar", "b.tar.zst"]
    assert images.archives(tmp_path / "none") == []


def test_needs_follow_the_version() -> None:
    """The runtime carries RKE2's version; K3s needs none."""
    rke2 = images.needs(Product("rke2", "v1.36.3+rke2r1"))
    assert rke2.runtime == "docker.io/rancher/rke2-runtime:v1.36.3-rke2r1"
    assert len(set(rke2.all())) == len(rke2.all())
    assert images.needs(Product("k3s", "v1.36.3+k3s1")).runtime == ""
