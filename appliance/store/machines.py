"""What is proven of each machine, in main.db: it stands above all that boot remembers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.store.full import full_disk_named


@dataclass(frozen=True, slots=True)
class Proven:
    """When a machine was proven installed and ready (Unix seconds), and its last record.

    `installs` counts proven installations over the site's whole life; `record` is the flow's own
    JSON-ready form of what was last known.
    """

    name: str
    installed: float | None = None
    ready: float | None = None
    installs: int = 0
    record: Mapping[str, Any] = field(default_factory=dict)


class ProvenMachines:
    """Reads and writes what is proven. Each write is on disk when it returns."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def get(self, name: str) -> Proven:
        """Give what is proven of a machine; nothing is proven of an unheard-of one."""
        row = self._db.execute("SELECT * FROM machine WHERE name=?", (name,)).fetchone()
        if row is None:
            return Proven(name)
        return Proven(**{**row, "record": json.loads(row["record"])})

    def all(self) -> tuple[Proven, ...]:
        """Give every machine of which anything is kept, by name."""
        rows = self._db.execute("SELECT name FROM machine ORDER BY name")
        return tuple(self.get(row["name"]) for row in rows)

    def put(self, proven: Proven) -> None:
        """Keep what is proven of one machine. Raises StoreFullError."""
        with full_disk_named():
            self._db.execute(
                "INSERT OR REPLACE INTO machine (name, record, installed, ready, installs)"
                " VALUES (?, ?, ?, ?, ?)",
                (
                    proven.name,
                    json.dumps(dict(proven.record)),
                    proven.installed,
                    proven.ready,
                    proven.installs,
                ),
            )

    def forget(self, name: str) -> None:
        """Drop what is proven, as an ordered reinstallation does."""
        self._db.execute("DELETE FROM machine WHERE name=?", (name,))
