"""What is kept of each machine's switch in main.db: its certificate, what it last said and did."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from appliance.store.full import alone


class Switches:
    """One JSON document a machine; `power` and `flow` know what is in it. Never a secret."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def get(self, name: str) -> dict[str, Any]:
        """Give what is kept of a machine's switch; nothing of one never asked."""
        row = self._db.execute("SELECT value FROM switch WHERE name=?", (name,)).fetchone()
        return {} if row is None else dict(json.loads(row["value"]))

    def all(self) -> dict[str, dict[str, Any]]:
        """Give every switch of which anything is kept, by its machine's name."""
        rows = self._db.execute("SELECT name, value FROM switch ORDER BY name")
        return {row["name"]: json.loads(row["value"]) for row in rows}

    def note(self, name: str, **said: Any) -> None:
        """Put these values into what is kept; None takes one out. Raises StoreFullError."""
        with alone(self._db):  # a run and a person may note something of one switch at once
            both = {**self.get(name), **said}
            whole = {key: value for key, value in both.items() if value is not None}
            self._db.execute(
                "INSERT OR REPLACE INTO switch (name, value) VALUES (?, ?)",
                (name, json.dumps(whole, sort_keys=True)),
            )
