"""`python -m appliance.lab.vagrant_box CACHE_DIR` builds the box and prints where it is."""

from __future__ import annotations

import sys
from pathlib import Path

from appliance.lab.vagrant_box.box import build

if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m appliance.lab.vagrant_box CACHE_DIR")
    sys.stdout.write(f"{build(Path(sys.argv[1]))}\n")
