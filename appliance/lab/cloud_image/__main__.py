"""`python -m appliance.lab.cloud_image CACHE_DIR [FILE_NAME]` builds the image."""

from __future__ import annotations

import sys
from pathlib import Path

from appliance.lab.cloud_image.image import UBUNTU, build

if __name__ == "__main__":
    if len(sys.argv) not in {2, 3}:
        sys.exit("usage: python -m appliance.lab.cloud_image CACHE_DIR [FILE_NAME]")
    name = sys.argv[2] if len(sys.argv) == 3 else UBUNTU
    sys.stdout.write(f"{build(Path(sys.argv[1]), name)}\n")
