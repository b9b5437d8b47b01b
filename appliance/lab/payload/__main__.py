"""`python -m appliance.lab.payload CACHE_DIR VERSION...` builds the payload of each version."""

from __future__ import annotations

import sys
from pathlib import Path

from appliance.lab.payload.image import build

if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: python -m appliance.lab.payload CACHE_DIR VERSION...")
    for version in sys.argv[2:]:
        sys.stdout.write(f"{build(Path(sys.argv[1]), version)}\n")
