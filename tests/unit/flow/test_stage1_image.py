"""Our small Linux is found where set-up built it; without it all else goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.discover import image
from appliance.errors import ArtifactError
from appliance.flow import stage1_image
from appliance.flow.stage1_image import built_stage1, stage1_folder


def test_nothing_is_there_before_it_was_built(tmp_path: Path) -> None:
    """And looking builds nothing."""
    assert built_stage1(tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_built_is_said_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fetch goes on: such a site is installed by what its file says."""
    said: list[str] = []

    def broken(*_given: object) -> image.Stage1Image:
        raise ArtifactError("mmdebstrap is not installed", fix="apt install mmdebstrap")

    monkeypatch.setattr(image, "build", broken)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert stage1_folder(tmp_path, said.append) is None
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert stage1_folder(tmp_path, said.append) is None
    assert "mmdebstrap is not installed" in said[0]
    assert "takes root" in said[1]
    assert all(stage1_image.WITHOUT in each for each in said)
