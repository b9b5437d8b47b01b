"""A wizard of a site of two machines, and the operator's browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.web.wizard_world import SITE, Browser, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A wizard with a site file of two machines, the second not known yet."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE)
    return World(tmp_path, file)


@pytest.fixture
def browser(world: World) -> Browser:
    """The operator's browser."""
    return world.operator()
