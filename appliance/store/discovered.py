"""What machines reported of themselves, in main.db; and what stage-1 is to be told of by a run."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from appliance.store.full import full_disk_named
from appliance.values import Mac

KEPT_REPORTS = 3
"""Of each machine: the newest, and what it said before."""
KEPT_MACHINES = 512
"""As many as boot listens to at once; of more, who was silent longest goes."""


@dataclass(frozen=True, slots=True)
class Discovery:
    """One report as text, from whom, and when it came first and last (Unix seconds)."""

    mac: Mac
    address: str
    first: float
    last: float
    report: str


class Discoveries:
    """Reads and writes the reports. Each write is on disk when it returns."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def put(self, mac: Mac, address: str, report: str, at: float) -> None:
        """Keep a report that says something new. Raises StoreFullError."""
        with full_disk_named():
            self._db.execute(
                "INSERT OR REPLACE INTO discovered (mac, address, first, last, report)"
                " VALUES (?, ?, ?, ?, ?)",
                (mac.bare, address, at, at, report),
            )
            self._db.execute(
                "DELETE FROM discovered WHERE mac=? AND first NOT IN"
                " (SELECT first FROM discovered WHERE mac=?"
                " ORDER BY last DESC, first DESC LIMIT ?)",
                (mac.bare, mac.bare, KEPT_REPORTS),
            )
            self._db.execute(
                "DELETE FROM discovered WHERE mac NOT IN (SELECT mac FROM discovered"
                " GROUP BY mac ORDER BY max(last) DESC, mac LIMIT ?)",
                (KEPT_MACHINES,),
            )

    def repeat(self, known: Discovery, address: str, at: float) -> None:
        """Note that the machine said the same again. Raises StoreFullError."""
        with full_disk_named():
            self._db.execute(
                "UPDATE discovered SET last=?, address=? WHERE mac=? AND first=?",
                (at, address, known.mac.bare, known.first),
            )

    def of(self, mac: Mac) -> tuple[Discovery, ...]:
        """Give a machine's reports, the newest first."""
        rows = self._db.execute(
            "SELECT * FROM discovered WHERE mac=? ORDER BY last DESC, first DESC", (mac.bare,)
        )
        return tuple(_discovery(row) for row in rows)

    def newest(self) -> tuple[Discovery, ...]:
        """Give the newest report of every machine, in the order of first appearance."""
        rows = self._db.execute(
            "SELECT mac, min(first) AS began FROM discovered GROUP BY mac ORDER BY began, mac"
        ).fetchall()
        return tuple(self.of(Mac(row["mac"]))[0] for row in rows)


@dataclass(frozen=True, slots=True)
class Ordered:
    """What the machine with this MAC in stage-1 is to do once, for so many seconds."""

    mac: Mac
    order: str
    seconds: int


class OrdersToStage1:
    """Orders that another command leaves for the run that serves the machines."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def put(self, order: Ordered) -> None:
        """Leave an order; a newer one for the same machine takes its place.

        Raises StoreFullError.
        """
        with full_disk_named():
            self._db.execute(
                "INSERT OR REPLACE INTO stage1_order (mac, word, seconds) VALUES (?, ?, ?)",
                (order.mac.bare, order.order, order.seconds),
            )

    def take(self) -> tuple[Ordered, ...]:
        """Give all that was left, and forget it."""
        rows = self._db.execute("SELECT * FROM stage1_order ORDER BY mac").fetchall()
        if rows:
            with full_disk_named():
                self._db.execute("DELETE FROM stage1_order")
        return tuple(Ordered(Mac(row["mac"]), row["word"], row["seconds"]) for row in rows)


def _discovery(row: sqlite3.Row) -> Discovery:
    return Discovery(Mac(row["mac"]), row["address"], row["first"], row["last"], row["report"])
