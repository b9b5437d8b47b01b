"""Runs, steps, events and machines of one site, in main.db."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from appliance.store.documents import LeftBehind
from appliance.store.full import full_disk_named

Clock = Callable[[], float]

_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a site's history. `at` is Unix seconds; `data` is JSON-ready, never secret."""

    id: int
    at: float
    kind: str
    text: str
    step: str | None = None
    machine: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Give the event as `--json` prints it."""
        return {
            "id": self.id,
            "at": self.at,
            "kind": self.kind,
            "step": self.step,
            "machine": self.machine,
            "text": self.text,
            **({"data": dict(self.data)} if self.data else {}),
        }


@dataclass(frozen=True, slots=True)
class StepEntry:
    """What the journal holds of a step in one run.

    `outcome`: done, failed, interrupted, killed, or None while it goes on.
    """

    run: int
    name: str
    inputs: str
    started: float
    ended: float | None
    outcome: str | None
    evidence: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RunEntry:
    """One run. `outcome`: done, failed, interrupted, killed, or None while it goes on.

    That a run was killed shows only when the next one begins.
    """

    id: int
    started: float
    ended: float | None
    outcome: str | None
    version: str
    interface: str


class Journal:
    """Reads and writes one site's history. Each write is on disk when it returns.

    `left`: what its steps have yet to take back on this laptop.
    """

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._db = connection
        self._clock = clock
        self.left = LeftBehind(connection)

    def begin_run(self, version: str, interface: str) -> int:
        """Note a new run; runs that were killed before are marked so."""
        self._db.execute("UPDATE run SET outcome='killed' WHERE outcome IS NULL")
        self._db.execute("UPDATE step SET outcome='killed' WHERE outcome IS NULL")
        row = self._db.execute(
            "INSERT INTO run (started, version, interface) VALUES (?, ?, ?) RETURNING id",
            (self._clock(), version, interface),
        ).fetchone()
        return int(row["id"])

    def end_run(self, run: int, outcome: str) -> None:
        """Note how a run ended."""
        self._db.execute(
            "UPDATE run SET ended=?, outcome=? WHERE id=?", (self._clock(), outcome, run)
        )

    def begin_step(self, run: int, name: str, inputs: str) -> None:
        """Note that a step began, with the digest of what it was given."""
        self._db.execute(
            "INSERT OR REPLACE INTO step (run, name, inputs, started) VALUES (?, ?, ?, ?)",
            (run, name, inputs, self._clock()),
        )

    def end_step(self, run: int, name: str, outcome: str, evidence: Mapping[str, Any]) -> None:
        """Note how a step ended and what proves it."""
        self._db.execute(
            "UPDATE step SET ended=?, outcome=?, evidence=? WHERE run=? AND name=?",
            (self._clock(), outcome, json.dumps(dict(evidence)), run, name),
        )

    def add_event(  # noqa: PLR0913 - an event has that many sides
        self,
        kind: str,
        text: str,
        *,
        run: int | None = None,
        step: str | None = None,
        machine: str | None = None,
        data: Mapping[str, Any] | None = None,
        at: float | None = None,
        mark: str | None = None,
    ) -> Event:
        """Keep one event and give it back with its number and time.

        `mark` names what another process told, once and for all (`has`). Raises StoreFullError.
        """
        when = self._clock() if at is None else at
        # What machines said reaches us as it was sent; SQLite takes no lone surrogates.
        text = text.encode("utf-8", "replace").decode()
        with full_disk_named():
            row = self._db.execute(
                "INSERT INTO event (run, at, kind, step, machine, text, data, mark)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                (run, when, kind, step, machine, text, json.dumps(dict(data or {})), mark),
            ).fetchone()
        return Event(int(row["id"]), when, kind, text, step, machine, dict(data or {}))

    def has(self, mark: str) -> bool:
        """Say whether the event with this mark is kept."""
        return self._db.execute("SELECT 1 FROM event WHERE mark=?", (mark,)).fetchone() is not None

    def last_mark(self) -> str:
        """Give the mark of the event that was kept last of those that have one, or nothing."""
        row = self._db.execute(
            "SELECT mark FROM event WHERE mark IS NOT NULL ORDER BY id DESC LIMIT 1"
        ).fetchone()
        return str(row["mark"]) if row else ""

    def newest(self) -> int:
        """Give the number of the newest event, 0 where there is none."""
        row = self._db.execute("SELECT max(id) AS id FROM event").fetchone()
        return int(row["id"] or 0)

    def began(self) -> float | None:
        """Give when the first event was, Unix seconds: another journal's is another."""
        row = self._db.execute("SELECT at FROM event ORDER BY id LIMIT 1").fetchone()
        return None if row is None else float(row["at"])

    def events(
        self, *, after: int = 0, machine: str | None = None, kinds: Collection[str] = ()
    ) -> Iterator[Event]:
        """Give the events in order, from the one after number `after`; only of `kinds` if given.

        Events added while reading are given too, at the end.
        """
        query = (
            "SELECT * FROM event WHERE id>?1 AND (?2 IS NULL OR machine=?2)"  # noqa: S608 - ours
            f"{_one_of(kinds)} ORDER BY id LIMIT ?3"
        )
        # By pages: a statement left open by an idle reader would keep the WAL growing.
        while rows := self._db.execute(query, (after, machine, _PAGE, *kinds)).fetchall():
            yield from map(_event, rows)
            after = rows[-1]["id"]

    def latest(self, machine: str, most: int) -> tuple[Event, ...]:
        """Give a machine's last events, at most so many, the newest first."""
        rows = self._db.execute(
            "SELECT * FROM event WHERE machine=? ORDER BY id DESC LIMIT ?", (machine, most)
        )
        return tuple(map(_event, rows))

    def runs(self) -> tuple[RunEntry, ...]:
        """Give all runs, oldest first."""
        return tuple(RunEntry(**row) for row in self._db.execute("SELECT * FROM run ORDER BY id"))

    def steps(self, run: int | None = None) -> tuple[StepEntry, ...]:
        """Give the steps of one run, or of all, in the order they began."""
        where = "WHERE run=?" if run is not None else ""
        rows = self._db.execute(
            f"SELECT * FROM step {where} ORDER BY run, started",  # noqa: S608 - fixed text
            (run,) if run is not None else (),
        )
        return tuple(StepEntry(**{**row, "evidence": json.loads(row["evidence"])}) for row in rows)


def _one_of(kinds: Collection[str]) -> str:
    """The condition on the kind, with a parameter for each; most of a journal is of other kinds."""
    places = ", ".join(f"?{number}" for number in range(4, 4 + len(kinds)))
    return f" AND kind IN ({places})" if kinds else ""


def _event(row: sqlite3.Row) -> Event:
    return Event(
        row["id"],
        row["at"],
        row["kind"],
        row["text"],
        row["step"],
        row["machine"],
        json.loads(row["data"]),
    )
