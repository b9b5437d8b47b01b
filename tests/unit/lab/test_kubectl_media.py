"""Debian's kubectl stands under upstream's name, with upstream's list of sums."""

from __future__ import annotations

import hashlib
from pathlib import Path

from appliance.lab import kubectl_media


def test_it_is_made_once_and_vouched_for(tmp_path: Path) -> None:
    """The list names the file as upstream publishes it."""
    folder = kubectl_media.build(tmp_path, "v1.36.3+rke2r1")
    assert kubectl_media.build(tmp_path, "v1.36.3+rke2r1") == folder
    program = folder / "kubectl-v1.36.3-linux-amd64"
    line = (folder / "kubectl-v1.36.3-linux-amd64.sha256").read_text()
    assert line == f"{hashlib.sha256(program.read_bytes()).hexdigest()}  kubectl\n"
