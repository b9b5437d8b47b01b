"""Debian's kubectl under the name of upstream's, for the depot of a rehearsal."""

from __future__ import annotations

import hashlib
from pathlib import Path

from appliance.lab.kubectl import find_kubectl
from appliance.site.artifact_names import kubectl_files, kubernetes_version
from appliance.tools.building import digest, in_place


def build(cache: Path, version: str) -> Path:
    """Give a folder with kubectl for a version of RKE2 or K3s, and its checksum; made once.

    Raises ArtifactError where no kubectl is installed.
    """
    content = find_kubectl().read_bytes()
    checksum = hashlib.sha256(content).hexdigest()
    files = kubectl_files(kubernetes_version(version))
    target = cache / f"kubectl-{digest('2', checksum, files.archive)[:16]}"
    if not target.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with in_place(target) as draft:
            (draft / files.archive).write_bytes(content)
            (draft / files.sums).write_text(f"{checksum}  kubectl\n")
    return target
