"""Folders that the boot process can reach, whatever another pytest does to its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.flow.inside_namespace import open_folder


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """Stand in for pytest's own: every pytest that starts closes that to all but root."""
    with open_folder() as folder:
        yield folder
