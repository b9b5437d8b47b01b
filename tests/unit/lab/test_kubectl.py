"""Where kubectl is."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from appliance.errors import ArtifactError
from appliance.lab.kubectl import find_kubectl


def test_the_one_beside_this_python_is_taken_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then the one on PATH; without any it is said how to get one."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path / "other"))
    with pytest.raises(ArtifactError, match="kubectl is not installed"):
        find_kubectl()
    for folder in ("other", "bin"):
        (tmp_path / folder).mkdir()
        program = tmp_path / folder / "kubectl"
        program.touch(mode=0o755)
        assert find_kubectl() == program
