"""What the staging machine is given is just what was verified."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from appliance.errors import ArtifactError
from appliance.flow.staging_files import Staging, archives, staged_files
from appliance.flow.stocking import stock
from appliance.paths import Paths
from appliance.site.artifact_names import registry_files
from tests.site_files import media, whole_plan
from tests.unit.flow.support import context_in

_PLAN = whole_plan(staging={"images": ["hello.oci.tar"]})


def _stocked(tmp_path: Path) -> None:
    stock(
        _PLAN,
        Paths(tmp_path),
        folder=media(tmp_path / "media", _PLAN),
        accept_ipxe=True,
        stand_ins=True,
    )


def test_every_file_has_size_and_sum(tmp_path: Path) -> None:
    """The registry's program, the cluster's files, the images."""
    _stocked(tmp_path)
    with context_in(tmp_path) as context:
        files = staged_files(context, _PLAN)
        assert archives(context, _PLAN) == (context.paths.depot / "hello.oci.tar",)
    name = registry_files().archive
    assert files[name].sha256 == hashlib.sha256(name.encode()).hexdigest()
    assert files[name].size == len(name)
    assert _PLAN.cluster is not None
    assert set(_PLAN.cluster.artifacts) < set(files)


def test_what_is_missing_is_said_before_the_machine_is_touched(tmp_path: Path) -> None:
    """An empty depot has nothing for it."""
    with context_in(tmp_path) as context, pytest.raises(ArtifactError):
        Staging(context, _PLAN, "")


def test_the_bundle_is_made_beside_the_playbooks_logs(tmp_path: Path) -> None:
    """Once; it is the same for the same program."""
    _stocked(tmp_path)
    with context_in(tmp_path) as context:
        Staging(context, _PLAN, "")
        (made,) = (context.site_paths.folder / "ansible").glob("bridgehead-staging-*.tar.gz")
        before = made.stat().st_mtime_ns
        Staging(context, _PLAN, "")
        assert made.stat().st_mtime_ns == before
