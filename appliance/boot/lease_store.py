"""Leases on disk: a table of `boot.db`, written by the boot process alone.

A lease is committed with `synchronous=FULL` before its ACK leaves (RFC 2131, 3.1), one commit
for all packets of a batch. An offer needs no disk.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from ipaddress import IPv4Address
from pathlib import Path

from appliance.boot.leases import Hold, Lease, LeaseChange
from appliance.values import Mac

_TABLE = """
CREATE TABLE IF NOT EXISTS lease (
  address TEXT PRIMARY KEY,
  mac TEXT NOT NULL,
  hold TEXT NOT NULL,
  length REAL NOT NULL,
  ends REAL NOT NULL,
  laptop_boot TEXT NOT NULL,
  written_unix REAL NOT NULL,
  hostname TEXT NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID
"""
_PUT = "INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE = "DELETE FROM lease WHERE address = ?"
_SELECT = "SELECT address, mac, hold, length, ends, laptop_boot, hostname FROM lease"

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def laptop_boot() -> str:
    """Name the present boot of this laptop: its monotonic clock counts from there."""
    return _BOOT_ID.read_text().strip()


def read_leases(path: Path, now: float, *, boot: str) -> tuple[Lease, ...]:
    """Give the leases that run at `now` (monotonic) from a file that is another's to write.

    What is damaged, or not there, is no lease.
    """
    if not path.exists():
        return ()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        try:
            rows = connection.execute(_SELECT).fetchall()
        except sqlite3.OperationalError:  # no lease was ever given: there is no table
            return ()
    found = []
    for row in rows:
        with suppress(ValueError, TypeError):
            found.append(_lease(row, now, boot))
    return tuple(each for each in found if each.ends > now and each.hold is Hold.LEASE)


class LeaseStore:
    """The table of leases. `boot` names the laptop's present boot, see `laptop_boot`."""

    def __init__(self, path: Path, *, boot: str) -> None:
        self._boot = boot
        self._db = sqlite3.connect(path, timeout=5, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute(_TABLE)

    def load(self, now: float) -> tuple[tuple[Lease, ...], tuple[str, ...]]:
        """Give the leases that still run at `now` (monotonic), and why rows were passed over.

        One written since the laptop booted ends when it was to end. One from before, whose
        monotonic time means nothing any more, runs its whole length from now.
        """
        leases: list[Lease] = []
        damaged: list[str] = []
        for row in self._db.execute(_SELECT):
            try:
                lease = _lease(row, now, self._boot)
            except (ValueError, TypeError) as error:
                damaged.append(f"lease {row[0]!r} on disk is damaged and left aside: {error}")
                continue
            if lease.ends > now:
                leases.append(lease)
        return tuple(leases), tuple(damaged)

    def commit(self, changes: Iterable[LeaseChange], *, unix: float) -> None:
        """Write changes, all or none; on disk when this returns. Raises sqlite3.Error."""
        last = {change.address: change.lease for change in changes}
        if not last:
            return
        gone = [(str(address),) for address, lease in last.items() if lease is None]
        kept = [self._row(lease, unix) for lease in last.values() if lease is not None]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(_DELETE, gone)
            self._db.executemany(_PUT, kept)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _row(self, lease: Lease, unix: float) -> tuple[str | float, ...]:
        address, mac = str(lease.address), lease.mac.bare
        times = (lease.length, lease.ends, self._boot, unix)
        return (address, mac, lease.hold.value, *times, lease.hostname)


def _lease(row: tuple[str, str, str, float, float, str, str], now: float, present: str) -> Lease:
    address, mac, hold, length, ends, boot, hostname = row
    if not (math.isfinite(length) and math.isfinite(ends) and length > 0):
        raise ValueError(f"its length is {length}")
    left = min(ends - now, length) if boot == present else length
    return Lease(IPv4Address(address), Mac(mac), Hold(hold), now + left, length, hostname)
