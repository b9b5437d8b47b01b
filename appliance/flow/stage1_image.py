"""Where our small Linux is on this computer, or how it is built here."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from appliance.discover import image
from appliance.errors import ArtifactError
from appliance.tools.cache import cache_folder

Say = Callable[[str], None]
WITHOUT = "machines are not asked what they are: name each one's MAC address and disk"
"""What it means that there is no image."""


def stage1_cache() -> Path:
    """Give the folder that set-up builds into."""
    return cache_folder() / "payload"


def built_stage1(cache: Path) -> Path | None:
    """Give the folder of the image as this version builds it, where it was built already."""
    found = image.find(cache)
    return found.folder if found is not None else None


def stage1_folder(cache: Path, say: Say) -> Path | None:
    """Give the folder of the image, building it where this computer can; else say why not."""
    found = built_stage1(cache)
    if found is not None:
        return found
    if os.geteuid() != 0:
        say(f"our small Linux is not built: that takes root, once; {WITHOUT}")
        return None
    try:
        cache.mkdir(parents=True, exist_ok=True)
        return image.build(cache, say).folder
    except (ArtifactError, OSError) as error:
        say(f"our small Linux is not built: {error}; {WITHOUT}")
        return None
