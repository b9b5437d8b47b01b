"""Single JSON documents of a site in main.db: what was frozen, approved, or left on the laptop."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from appliance.store.full import alone, full_disk_named


class Frozen:
    """The values that were proposed once and stay. The site package knows what is in them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def read(self) -> dict[str, Any] | None:
        """Give the frozen values, or None before first use."""
        row = self._db.execute("SELECT value FROM frozen WHERE id=1").fetchone()
        return None if row is None else dict(json.loads(row["value"]))

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep others from writing meanwhile: what is read here is what is written over.

        Nothing is written if it is left by an exception. Raises StoreFullError.
        """
        with alone(self._db):
            yield

    def write(self, value: Mapping[str, Any]) -> None:
        """Freeze these values."""
        self._db.execute(
            "INSERT OR REPLACE INTO frozen (id, value) VALUES (1, ?)",
            (json.dumps(dict(value), sort_keys=True),),
        )


class Approved:
    """Machines made known by `provision approve`, beside those in the site file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def all(self) -> dict[str, dict[str, Any]]:
        """Give what the operator said of each approved machine, by its name."""
        rows = self._db.execute("SELECT name, value FROM approved ORDER BY name")
        return {row["name"]: json.loads(row["value"]) for row in rows}

    def put(self, name: str, mac: str, value: Mapping[str, Any]) -> None:
        """Approve a machine by its name and bare MAC."""
        self._db.execute(
            "INSERT OR REPLACE INTO approved (name, mac, value) VALUES (?, ?, ?)",
            (name, mac, json.dumps(dict(value))),
        )


class Agreed:
    """Disks of which an operator said, by typing the machine's name, that all on them may go."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def all(self) -> dict[str, str]:
        """Give the path of that disk, by the machine's name."""
        rows = self._db.execute("SELECT name, disk FROM agreed ORDER BY name")
        return {row["name"]: row["disk"] for row in rows}

    def put(self, name: str, disk: str) -> None:
        """Keep it, for this very disk of this machine. Raises StoreFullError."""
        with full_disk_named():
            self._db.execute(
                "INSERT OR REPLACE INTO agreed (name, disk) VALUES (?, ?)", (name, disk)
            )

    def forget(self, name: str) -> None:
        """Nothing of this machine may be erased any longer. Raises StoreFullError."""
        with full_disk_named():
            self._db.execute("DELETE FROM agreed WHERE name=?", (name,))


class LeftBehind:
    """What a step is about to change on this laptop and what was there before, until taken back.

    It is kept before the change, so that it outlives a run that is killed.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def read(self, step: str) -> dict[str, Any] | None:
        """Give what a step noted, or None where there is nothing to take back."""
        row = self._db.execute("SELECT value FROM left_behind WHERE step=?", (step,)).fetchone()
        return None if row is None else dict(json.loads(row["value"]))

    def write(self, step: str, value: Mapping[str, Any]) -> None:
        """Note it; it is on disk when this returns. Raises StoreFullError."""
        with full_disk_named():
            self._db.execute(
                "INSERT OR REPLACE INTO left_behind (step, value) VALUES (?, ?)",
                (step, json.dumps(dict(value), sort_keys=True)),
            )

    def forget(self, step: str) -> None:
        """Drop a note once all of it is taken back. Raises StoreFullError."""
        with full_disk_named():
            self._db.execute("DELETE FROM left_behind WHERE step=?", (step,))
