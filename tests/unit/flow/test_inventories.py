"""The cluster's inventory carries the depot's checksums."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import zstandard

from appliance.errors import ArtifactError, InputError
from appliance.flow.inventories import cluster_images, cluster_inventory, inventory_text
from appliance.flow.looking import Look
from appliance.flow.stocking import stock
from appliance.lab.rke2.tarballs import image_archive, images_of
from appliance.paths import Paths
from appliance.site.artifact_names import DistributionFiles
from tests.plans import plan
from tests.site_files import media, whole_plan


def test_each_file_has_the_sum_of_what_is_in_the_depot(tmp_path: Path) -> None:
    """So a machine takes nothing else."""
    whole = whole_plan()
    paths = Paths(tmp_path / "state")
    stock(whole, paths, folder=media(tmp_path / "media", whole), accept_ipxe=True, stand_ins=True)
    variables = cluster_inventory(whole, paths)["rke2_cluster"]["vars"]
    sums = {each["sha256"] for each in variables["cluster_artifacts"]}
    assert hashlib.sha256(b"rke2.linux-amd64.tar.gz").hexdigest() in sums
    assert whole.cluster is not None
    assert len(variables["cluster_artifacts"]) == len(whole.cluster.artifacts)
    text = inventory_text(Look(tmp_path / "site.yaml", paths, whole))
    assert "rke2_servers" in text
    assert "server3" in text


def test_what_is_not_in_the_depot_is_named(tmp_path: Path) -> None:
    """All of it, before anything is asked of a machine."""
    whole = whole_plan()
    assert whole.cluster is not None
    with pytest.raises(ArtifactError) as caught:
        cluster_inventory(whole, Paths(tmp_path))
    assert caught.value.reasons == tuple(f"{each} is missing" for each in whole.cluster.artifacts)


def test_a_site_without_a_cluster_has_none(tmp_path: Path) -> None:
    """It is said what to write."""
    with pytest.raises(InputError, match="no cluster"):
        cluster_inventory(plan(), Paths(tmp_path))


def test_the_images_of_all_archives_are_named(tmp_path: Path) -> None:
    """What the cluster runs is later held against them; without a cluster there is none."""
    whole = whole_plan()
    assert whole.cluster is not None
    paths = Paths(tmp_path / "state")
    paths.depot.mkdir(parents=True)
    files = DistributionFiles.of(whole.cluster.distribution, whole.cluster.version)
    wanted = images_of(whole.cluster.version).all()
    parts = (wanted[:4], wanted[4:])
    for name, part in zip(files.images, parts, strict=True):
        packed = zstandard.ZstdCompressor().compress(image_archive(part))
        (paths.depot / name).write_bytes(packed)
    assert {f"docker.io/{each}" for each in cluster_images(whole, paths)} == set(wanted)
    assert cluster_images(plan(), paths) == frozenset()
