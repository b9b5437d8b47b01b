"""Databases that are closed when a test ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from appliance.store.database import open_database


@pytest.fixture
def opened() -> Iterator[Callable[[Path], sqlite3.Connection]]:
    """Open databases as the program does; each is closed at the end."""
    with ExitStack() as stack:
        yield lambda path: stack.enter_context(closing(open_database(path)))
