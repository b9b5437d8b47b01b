"""Files beside the code are found in a checkout."""

from __future__ import annotations

from appliance.tools import data


def test_the_checkout_holds_the_files() -> None:
    """The list of iPXE builds and the templates are there."""
    assert data.path("ipxe/binaries.toml").is_file()
    assert data.path("templates").is_dir()
