"""The image's folder, made here around a disk of a few bytes instead of a Debian system."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from appliance.errors import InputError
from appliance.lab.cloud_image import image


def _small_system(cache: Path) -> None:
    """Put a system where `build` looks for it."""
    system, _ = image._places(cache, image.UBUNTU)
    system.mkdir(parents=True)
    (system / "disk.qcow2").write_bytes(b"QFI\xfb" * 1000)


def test_the_folder_is_as_upstreams(tmp_path: Path) -> None:
    """The image by upstream's name, and a list that sha256sum checks."""
    _small_system(tmp_path)
    folder = image.build(tmp_path)
    assert {path.name for path in folder.iterdir()} == {image.UBUNTU, "SHA256SUMS"}
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)
    digest = hashlib.sha256((folder / image.UBUNTU).read_bytes()).hexdigest()
    assert (folder / "SHA256SUMS").read_text() == f"{digest} *{image.UBUNTU}\n"


def test_another_name_is_another_folder_of_the_same_disk(tmp_path: Path) -> None:
    """The site file may name another image; the system is built once."""
    _small_system(tmp_path)
    said: list[str] = []
    first = image.build(tmp_path, say=said.append)
    second = image.build(tmp_path, "debian-12-genericcloud-amd64.qcow2", said.append)
    assert first != second
    assert (second / "debian-12-genericcloud-amd64.qcow2").samefile(first / image.UBUNTU)
    assert image.build(tmp_path) == first
    assert said == []


@pytest.mark.parametrize("name", ["", "../up.img", "a/b.img", ".", "SHA256SUMS"])
def test_what_is_no_file_name_is_refused(tmp_path: Path, name: str) -> None:
    """Nothing is built for it."""
    with pytest.raises(InputError, match="file name of an image"):
        image.build(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def test_the_schema_lies_with_the_system(tmp_path: Path) -> None:
    """Where the tests of our user data look for it."""
    system, _ = image._places(tmp_path, image.UBUNTU)
    assert image.schema(tmp_path).parent == system
