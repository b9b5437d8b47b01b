"""The one door to the files beside the code, in a source checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path

import appliance


def path(name: str) -> Path:
    """Give a file or folder such as `ipxe/binaries.toml`: the wheel's own, else the checkout's."""
    package = Path(appliance.__file__).parent
    packaged = package / "_data" / name
    return packaged if packaged.exists() else package.parent / name
