"""`python -m appliance.lab.rke2 CACHE VERSION...`: build the stand-ins that are not there yet."""

from __future__ import annotations

import sys
from pathlib import Path

from appliance.lab.rke2.tarballs import build

if __name__ == "__main__":
    cache, *versions = sys.argv[1:]
    for version in versions:
        sys.stdout.write(f"{build(Path(cache), version)}\n")
