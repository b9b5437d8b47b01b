"""Fixtures of the boot services' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.boot.boot_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A fresh site of two machines on loopback."""
    return World(tmp_path)
