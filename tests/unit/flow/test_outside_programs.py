"""Terraform and its provider come out of the depot, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import zipfile
from pathlib import Path

import pytest

from appliance.artifacts.depot import Depot, Origin
from appliance.errors import ArtifactError
from appliance.flow.outside_programs import unpacked
from appliance.paths import Paths
from appliance.site.artifact_names import (
    PROVIDER_SOURCE,
    provider_files,
    terraform_files,
    tofu_files,
)
from appliance.site.versions import TERRAFORM, TOFU, line_of
from appliance.values import Digest
from tests.plans import plan

_PLAN = plan()
_TERRAFORM = terraform_files(TERRAFORM).archive
_MEMBER = "terraform-provider-harvester_v1.8.1"
_TOFU = tofu_files(TOFU).archive


def _provider() -> str:
    line = line_of(_PLAN.hypervisor.harvester)
    assert line is not None
    return provider_files(line.provider).archive


def _admit(paths: Paths, name: str, member: str, content: bytes = b"#!/bin/sh\n") -> None:
    depot = Depot(paths.depot)
    depot.incoming.mkdir(parents=True, exist_ok=True)
    part = depot.incoming / name
    with zipfile.ZipFile(part, "w") as archive:
        archive.writestr(member, content)
    digest = Digest("sha256", hashlib.sha256(part.read_bytes()).hexdigest())
    depot.admit(part, name, digest, origin=Origin.UPSTREAM, source="here", now=0.0)


@pytest.mark.parametrize(("archive", "member"), [(_TERRAFORM, "terraform"), (_TOFU, "tofu")])
def test_program_and_provider_can_be_run(tmp_path: Path, archive: str, member: str) -> None:
    """Either of the two programs; the provider stands where Terraform looks for it."""
    paths = Paths(tmp_path)
    _admit(paths, archive, member)
    _admit(paths, _provider(), _MEMBER)
    programs = unpacked(paths, _PLAN)
    assert programs.terraform.name == member
    assert os.access(programs.terraform, os.X_OK)
    (provider,) = (programs.mirror / PROVIDER_SOURCE).glob("*/linux_amd64/*")
    assert provider.name == _MEMBER
    assert provider.parent.parent.name in _provider()
    assert os.access(provider, os.X_OK)
    assert unpacked(paths, _PLAN) == programs
    assert not [each for each in (tmp_path / "programs").iterdir() if each.name[0] == "."]


def test_other_bytes_get_another_folder(tmp_path: Path) -> None:
    """What was unpacked of the one is never taken for the other."""
    paths = Paths(tmp_path)
    _admit(paths, _provider(), _MEMBER)
    _admit(paths, _TERRAFORM, "terraform", b"one")
    first = unpacked(paths, _PLAN).terraform
    _admit(paths, _TERRAFORM, "terraform", b"another")
    second = unpacked(paths, _PLAN).terraform
    assert first != second
    assert second.read_bytes() == b"another"


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """And where to get it."""
    with pytest.raises(ArtifactError, match=_TERRAFORM) as caught:
        unpacked(Paths(tmp_path), _PLAN)
    assert "provision fetch" in caught.value.fix


def test_an_archive_of_something_else_is_refused(tmp_path: Path) -> None:
    """It leaves no folder behind."""
    paths = Paths(tmp_path)
    _admit(paths, _TERRAFORM, "README.txt")
    _admit(paths, _provider(), _MEMBER)
    with pytest.raises(ArtifactError, match="not the archive"):
        unpacked(paths, _PLAN)
    assert not list((tmp_path / "programs").iterdir())
