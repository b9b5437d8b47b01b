"""Where slow things are kept outside the clone, so that the next set-up skips them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Give `$XDG_CACHE_HOME/bridgehead`, else `~/.cache/bridgehead` (XDG Base Directory)."""
    home = environment.get("XDG_CACHE_HOME")
    base = Path(home) if home and Path(home).is_absolute() else Path.home() / ".cache"
    return base / "bridgehead"
