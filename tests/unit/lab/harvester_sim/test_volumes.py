"""Volumes as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.faults import Faults
from appliance.lab.harvester_sim.images import Images, inspect, set_condition
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.volumes import VolumeError, Volumes

Json = dict[str, Any]


@pytest.fixture
def images(store: ObjectStore, tmp_path: Path) -> Images:
    """Images that nobody fetches."""
    return Images(store, tmp_path / "images", Faults())


@pytest.fixture
def volumes(store: ObjectStore, images: Images, tmp_path: Path) -> Volumes:
    """Volumes over them."""
    return Volumes(store, images, tmp_path / "volumes")


def claim(store: ObjectStore, size: str, image: str = "") -> None:
    """Make a claim."""
    annotations = {"harvesterhci.io/imageId": image} if image else {}
    meta = {"name": "c", "namespace": "default", "annotations": annotations}
    spec = {"resources": {"requests": {"storage": size}}}
    store.create(kinds.CLAIM, {"metadata": meta, "spec": spec})


def image(store: ObjectStore, images: Images, *, imported: bool) -> None:
    """Make an image of 1 MiB."""
    body: Json = {"metadata": {"name": "i", "namespace": "default"}, "spec": {}}
    set_condition(body, "Imported", "True" if imported else "Unknown", "", "")
    images.path(store.create(kinds.IMAGE, body)).write_bytes(bytes(1 << 20))


def test_a_blank_volume_has_its_size(store: ObjectStore, volumes: Volumes) -> None:
    """It is made once, and is gone with its claim."""
    claim(store, "16Mi")
    file = volumes.file("default", "c")
    assert inspect(file) == ("qcow2", 16 << 20)
    assert volumes.file("default", "c") == file
    volumes.look()
    assert file.exists()
    store.delete(kinds.CLAIM, "default", "c")
    volumes.look()
    assert not file.exists()


def test_a_volume_stands_on_its_image(store: ObjectStore, volumes: Volumes, images: Images) -> None:
    """Larger than the image, it has the claim's size."""
    image(store, images, imported=True)
    claim(store, "4Mi", "default/i")
    file = volumes.file("default", "c")
    assert inspect(file) == ("qcow2", 4 << 20)
    assert str(images.path(store.get(kinds.IMAGE, "default", "i"))).encode() in file.read_bytes()


@pytest.mark.parametrize(
    ("size", "imported", "printable"),
    [("512Ki", True, "ErrorUnschedulable"), ("4Mi", False, "Provisioning")],
)
def test_a_volume_that_cannot_be_had_says_why(
    store: ObjectStore,
    volumes: Volumes,
    images: Images,
    size: str,
    *,
    imported: bool,
    printable: str,
) -> None:
    """Too small for its image, or the image is not there yet."""
    image(store, images, imported=imported)
    claim(store, size, "i")
    with pytest.raises(VolumeError) as caught:
        volumes.file("default", "c")
    assert caught.value.printable == printable


def test_a_volume_without_a_claim_is_none(volumes: Volumes) -> None:
    """The machine shows ErrorPvcNotFound."""
    with pytest.raises(VolumeError, match="not found") as caught:
        volumes.file("default", "none")
    assert caught.value.printable == "ErrorPvcNotFound"
