"""boot.db: what boot saw, and the boots it minted. Written by the boot process alone.

Evidence is on disk when `add` returns: a proof of installation that a power cut takes away would
have the machine installed again. All else (DNS names, syslog lines, progress) is written in batches
by `flush`, so that no packet waits for a disk.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from appliance.boot.model import BootEvent, Moment
from appliance.boot.tokens import Boot, Hook
from appliance.machines.state import Evidence, Seen
from appliance.values import Mac

SYSLOG_LINES_PER_MACHINE = 2000
OTHER_EVENTS = 20000
REPEATED_EVENTS = 10_000
"""So many are told again at most: half of what the channel to main holds."""

_MARKED = frozenset({"evidence", "decision", "finding"})
_PENDING_LIMIT = 5000
_TRIM_EVERY = 500

_TABLES = """
CREATE TABLE IF NOT EXISTS event (
  id INTEGER PRIMARY KEY,
  at REAL NOT NULL,
  kind TEXT NOT NULL,
  text TEXT NOT NULL,
  mac TEXT,
  machine TEXT,
  seen TEXT,
  data TEXT NOT NULL DEFAULT '[]',
  mark TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX IF NOT EXISTS event_of ON event (kind, machine, id);
CREATE TABLE IF NOT EXISTS minted (
  digest TEXT PRIMARY KEY,
  machine TEXT NOT NULL,
  mac TEXT NOT NULL,
  address TEXT NOT NULL,
  minted_at REAL NOT NULL,
  life REAL NOT NULL,
  kernel_taken INTEGER NOT NULL,
  config_taken INTEGER NOT NULL,
  hooks TEXT NOT NULL,
  ended TEXT NOT NULL
) STRICT, WITHOUT ROWID;
"""

_COLUMNS = "at, kind, text, mac, machine, seen, data, mark"
_INSERT = f"INSERT INTO event ({_COLUMNS}) VALUES (?,?,?,?,?,?,?,?)"  # noqa: S608 - fixed text


class BootStore:
    """Events and minted boots. Not thread-safe: BootState holds its lock around every call."""

    def __init__(self, path: Path) -> None:
        # isolation_level=None: each statement commits itself, and leases in the same file never
        # wait for a transaction left open here.
        self._db = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.executescript(_TABLES)
        if "mark" not in (row[1] for row in self._db.execute("PRAGMA table_info(event)")):
            self._db.execute("ALTER TABLE event ADD COLUMN mark TEXT NOT NULL DEFAULT ''")
        self._pending: deque[BootEvent] = deque(maxlen=_PENDING_LIMIT)
        self._since_trim = 0
        # Each start counts for itself: a number that was told but never written, because the
        # power went, is not given again, and neither is one of a boot.db that was lost.
        self._start = secrets.token_hex(8)
        self._marks = 0

    def marked(self, event: BootEvent) -> BootEvent:
        """Give an event its mark if it is of a kind that main is told until it has it."""
        if event.kind not in _MARKED:
            return event
        self._marks += 1
        return replace(event, mark=f"{self._start}.{self._marks}")

    def add(self, event: BootEvent) -> None:
        """Keep an event: evidence at once, anything else with the next `flush`."""
        self._pending.append(event)
        if event.kind == "evidence" or len(self._pending) == _PENDING_LIMIT:
            self.flush()

    def flush(self) -> None:
        """Write what waits, in one transaction, and drop what is beyond the bounds.

        Raises sqlite3.Error; what waits then waits on, for the next time.
        """
        if not self._pending:
            return
        rows = [_row(event) for event in self._pending]
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(_INSERT, rows)
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        self._pending.clear()
        self._since_trim += len(rows)
        if self._since_trim >= _TRIM_EVERY:
            self._trim()

    def evidence(self) -> Iterator[Evidence]:
        """Give all evidence in the order it was seen."""
        rows = self._db.execute(
            "SELECT machine, seen, at, text FROM event WHERE kind='evidence'"
            " AND machine IS NOT NULL AND seen IS NOT NULL ORDER BY id"
        )
        for machine, seen, at, text in rows:
            if seen in Seen._value2member_map_:
                yield Evidence(machine, Seen(seen), at, text)

    def events(self, *, machine: str | None = None, kind: str | None = None) -> list[BootEvent]:
        """Give kept events, oldest first."""
        self.flush()
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM event"  # noqa: S608 - fixed text
            " WHERE (?1 IS NULL OR machine=?1) AND (?2 IS NULL OR kind=?2) ORDER BY id",
            (machine, kind),
        )
        return [_event(row) for row in rows]

    def after(self, mark: str) -> list[BootEvent]:
        """Give the newest REPEATED_EVENTS marked events that came after one, oldest first.

        After a mark that is not known here (never written, trimmed, of a lost boot.db), all.
        """
        self.flush()
        rows = self._db.execute(
            f"SELECT {_COLUMNS} FROM event WHERE mark<>''"  # noqa: S608 - fixed text
            " AND id > (SELECT coalesce(max(id), 0) FROM event WHERE mark<>'' AND mark=?)"
            " ORDER BY id DESC LIMIT ?",
            (mark, REPEATED_EVENTS),
        ).fetchall()
        return [_event(row) for row in reversed(rows)]

    def keep_boots(self, boots: Iterable[Boot], now: Moment) -> None:
        """Keep what boots have become: all but their documents, and of the token its digest."""
        rows = [
            (
                boot.digest,
                boot.machine,
                boot.mac.bare,
                str(boot.address),
                now.unix - (now.monotonic - boot.minted_at),
                boot.deadline - boot.minted_at,
                int(boot.kernel_taken),
                int(boot.config_taken),
                " ".join(sorted(boot.hooks)),
                boot.ended,
            )
            for boot in boots
        ]
        self._db.executemany("INSERT OR REPLACE INTO minted VALUES (?,?,?,?,?,?,?,?,?,?)", rows)

    def boots(self, now: Moment) -> tuple[Boot, ...]:
        """Give the boots minted before, oldest first. One from the future counts as just minted."""
        rows = self._db.execute("SELECT * FROM minted ORDER BY minted_at").fetchall()
        return tuple(_boot(row, now) for row in rows)

    def close(self) -> None:
        """Write what waits and close the file."""
        self.flush()
        self._db.close()

    def _trim(self) -> None:
        self._since_trim = 0
        self._db.execute(
            "DELETE FROM event WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER"
            " (PARTITION BY machine ORDER BY id DESC) AS place FROM event WHERE kind='syslog')"
            " WHERE place > ?)",
            (SYSLOG_LINES_PER_MACHINE,),
        )
        self._db.execute(
            "DELETE FROM event WHERE id IN (SELECT id FROM event"
            " WHERE kind NOT IN ('evidence', 'syslog') ORDER BY id DESC LIMIT -1 OFFSET ?)",
            (OTHER_EVENTS,),
        )


def _row(event: BootEvent) -> tuple[object, ...]:
    return (
        event.at,
        event.kind,
        event.text,
        event.mac.bare if event.mac else None,
        event.machine,
        event.seen.value if event.seen else None,
        json.dumps(event.data),
        event.mark,
    )


def _event(row: tuple[float, str, str, str | None, str | None, str | None, str, str]) -> BootEvent:
    at, kind, text, mac, machine, seen, data, mark = row
    return BootEvent(
        at=at,
        kind=kind,
        text=text,
        mac=Mac(mac) if mac else None,
        machine=machine,
        seen=Seen(seen) if seen else None,
        data=tuple((str(key), str(value)) for key, value in json.loads(data)),
        mark=mark,
    )


def _boot(row: tuple[str, str, str, str, float, float, int, int, str, str], now: Moment) -> Boot:
    digest, machine, mac, address, minted_at, life, kernel_taken, config_taken, hooks, ended = row
    age = min(max(now.unix - minted_at, 0.0), life)
    return Boot(
        digest=digest,
        machine=machine,
        mac=Mac(mac),
        address=IPv4Address(address),
        minted_at=now.monotonic - age,
        deadline=now.monotonic - age + life,
        kernel_taken=bool(kernel_taken),
        config_taken=bool(config_taken),
        hooks=frozenset(Hook(hook) for hook in hooks.split()),
        ended=ended,
    )
