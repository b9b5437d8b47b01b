"""`python -m appliance.discover CACHE_DIR` builds the stage-1 image and prints its folder."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from appliance.discover import image
from appliance.errors import BridgeheadError


def main() -> int:
    """Build under the folder given and print the image's folder."""
    parser = argparse.ArgumentParser(prog="python -m appliance.discover", description=__doc__)
    parser.add_argument("cache", type=Path)
    options = parser.parse_args()
    try:
        built = image.build(options.cache)
    except BridgeheadError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write(f"{built.folder}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
