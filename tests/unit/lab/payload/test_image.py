"""The payload's files, made here from a base of a few bytes instead of a Debian system."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest

from appliance.errors import ArtifactError
from appliance.lab.payload import image

needs_tools = pytest.mark.skipif(
    not (shutil.which("mksquashfs") and shutil.which("xorriso")),
    reason="needs squashfs-tools and xorriso",
)


def _small_base(cache: Path, version: str) -> Path:
    """Put a base where `build` looks for it."""
    base, target = image._places(cache, version)
    tree = cache / "tree"
    (tree / "etc").mkdir(parents=True)
    (tree / "etc" / "hostname").write_text("base\n")
    base.mkdir()
    image._squash(tree, base / "rootfs.squashfs")
    for name in ("vmlinuz", "initrd"):
        (base / name).write_bytes(name.encode() * 1000)
    return target


@needs_tools
def test_a_version_is_the_base_with_its_name_and_program(tmp_path: Path) -> None:
    """All of Harvester's files are there, and the list is true of each."""
    said: list[str] = []
    target = _small_base(tmp_path, "v1.8.2")
    assert image.build(tmp_path, "v1.8.2", said.append) == target
    payload = image.describe(target, "v1.8.2")
    lines = [line.split("  ") for line in payload.checksums.read_text().splitlines()]
    sums = {name: digest for digest, name in lines}
    for path in (payload.kernel, payload.initrd, payload.rootfs, payload.iso):
        assert sums.pop(path.name) == hashlib.sha512(path.read_bytes()).hexdigest()
    assert list(sums) == ["harvester-v1.8.2-amd64-net-install.iso"]
    listed = subprocess.run(
        ["unsquashfs", "-l", "-d", "", payload.rootfs], capture_output=True, text=True, check=True
    ).stdout.split()
    assert {"/etc/hostname", "/harvester-release", "/standin/standin/main.py"} <= set(listed)
    assert "kind: Version" in (target / "version.yaml").read_text()
    assert len(said) == 1


@needs_tools
def test_building_again_builds_nothing_and_gives_the_same_bytes(tmp_path: Path) -> None:
    """The second call returns at once; built afresh elsewhere, the root image is the same."""
    images = []
    for place in (tmp_path / "one", tmp_path / "two"):
        place.mkdir()
        target = _small_base(place, "v1.7.3")
        image.build(place, "v1.7.3", lambda _: None)
        said: list[str] = []
        assert image.build(place, "v1.7.3", said.append) == target
        assert said == []
        images.append(image.describe(target, "v1.7.3").rootfs.read_bytes())
    assert images[0] == images[1]


@needs_tools
def test_a_failed_build_leaves_nothing_behind(tmp_path: Path) -> None:
    """A damaged base ends in an error that carries the tool's words, and no folder."""
    target = _small_base(tmp_path, "v1.8.2")
    base, _ = image._places(tmp_path, "v1.8.2")
    (base / "rootfs.squashfs").write_bytes(b"not a squashfs")
    before = set(tmp_path.iterdir())
    with pytest.raises(ArtifactError, match="env ended with"):
        image.build(tmp_path, "v1.8.2", lambda _: None)
    assert not target.exists()
    assert set(tmp_path.iterdir()) == before


def test_versions_share_their_base_and_nothing_else(tmp_path: Path) -> None:
    """The slow half is built once for all versions."""
    old_base, old = image._places(tmp_path, "v1.7.3")
    new_base, new = image._places(tmp_path, "v1.8.2")
    assert old_base == new_base
    assert old != new


def test_a_nonsense_version_is_refused(tmp_path: Path) -> None:
    """Nothing is built for it."""
    with pytest.raises(ValueError, match="Harvester version"):
        image.build(tmp_path, "latest")
    assert list(tmp_path.iterdir()) == []
