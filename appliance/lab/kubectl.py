"""Where the lab's `kubectl` is: Debian's, a client of the API that this project did not write."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from appliance.errors import ArtifactError


def find_kubectl() -> Path:
    """Give the `kubectl` that set-up put beside this Python, else the one on PATH.

    Raises ArtifactError where there is none.
    """
    beside = Path(sys.executable).with_name("kubectl")
    if beside.is_file():
        return beside
    found = shutil.which("kubectl")
    if found is None:
        raise ArtifactError(
            "kubectl is not installed",
            where="PATH",
            why="the lab asks the cluster's API with Debian's own client",
            fix="run .ci/set-up, or apt install kubernetes-client",
        )
    return Path(found)
