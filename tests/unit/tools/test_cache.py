"""The cache is where the XDG Base Directory Specification says."""

from __future__ import annotations

from pathlib import Path

from appliance.tools.cache import cache_folder


def test_the_environment_may_name_it() -> None:
    """An absolute XDG_CACHE_HOME is followed; a relative one must be ignored."""
    assert cache_folder({"XDG_CACHE_HOME": "/somewhere"}) == Path("/somewhere/bridgehead")
    assert cache_folder({"XDG_CACHE_HOME": "some"}) == Path.home() / ".cache/bridgehead"
    assert cache_folder({}) == Path.home() / ".cache/bridgehead"
