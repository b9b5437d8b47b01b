"""The journal: what was written is there, in order, whatever ends the writer."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from appliance.store import journal as module
from appliance.store.database import open_database
from appliance.store.journal import Journal

WRITER = """
import pathlib, sys
from appliance.store.database import open_database
from appliance.store.journal import Journal
journal = Journal(open_database(pathlib.Path(sys.argv[1])), clock=lambda: 1.0)
run = journal.begin_run("0.1", "eth0")
journal.begin_step(run, "s1", "digest")
for number in range(10**9):
    event = journal.add_event("evidence", f"line {number}", run=run, data={"number": number})
    print(event.id, flush=True)
"""


@pytest.fixture
def clock() -> Callable[[], float]:
    """A clock that goes on by one second with each look."""
    ticks = count(1000)
    return lambda: float(next(ticks))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """A fresh main.db."""
    connection = open_database(tmp_path / "main.db")
    yield connection
    connection.close()


@pytest.fixture
def journal(database: sqlite3.Connection, clock: Callable[[], float]) -> Journal:
    """An empty journal."""
    return Journal(database, clock)


def test_a_journal_is_known_by_its_first_event_and_its_newest(journal: Journal) -> None:
    """An empty one has neither."""
    assert (journal.newest(), journal.began()) == (0, None)
    first = journal.add_event("finding", "one", at=5.0)
    assert (journal.newest(), journal.began()) == (first.id, 5.0)
    second = journal.add_event("finding", "two", at=6.0)
    assert (journal.newest(), journal.began()) == (second.id, 5.0)


def test_the_latest_of_one_machine_come_newest_first(journal: Journal) -> None:
    """A page that shows a log does not read a hundred thousand events for it."""
    for number in range(5):
        journal.add_event("evidence", f"{number}", machine="hv1" if number % 2 else "hv2")
    assert [each.text for each in journal.latest("hv2", 2)] == ["4", "2"]
    assert [each.text for each in journal.latest("hv1", 9)] == ["3", "1"]
    assert journal.latest("hv3", 9) == ()


def test_events_come_back_as_they_were_written(journal: Journal) -> None:
    """With their number, time, step, machine and data, and in order."""
    first = journal.add_event("evidence", "asked", machine="hv1", step="s4", data={"seen": "x"})
    second = journal.add_event("finding", "rival", at=5.0)
    assert list(journal.events()) == [first, second]
    assert list(journal.events(after=first.id)) == [second]
    assert list(journal.events(machine="hv1")) == [first]
    assert list(journal.events(kinds=("finding",))) == [second]
    assert list(journal.events(kinds=("finding", "evidence"), after=first.id)) == [second]
    assert list(journal.events(kinds=("finding",), machine="hv1")) == []
    assert (first.at, second.at) == (1000.0, 5.0)
    assert json.loads(json.dumps(first.as_dict())) == {
        "id": first.id,
        "at": 1000.0,
        "kind": "evidence",
        "step": "s4",
        "machine": "hv1",
        "text": "asked",
        "data": {"seen": "x"},
    }
    assert "data" not in second.as_dict()


def test_events_are_read_by_pages_without_loss(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the border of a page nor an event added while reading loses or doubles one."""
    monkeypatch.setattr(module, "_PAGE", 3)
    for number in range(7):
        journal.add_event("progress", str(number))
    seen = []
    for event in journal.events():
        seen.append(event.text)
        if event.text == "2":
            journal.add_event("progress", "late")
    assert seen == ["0", "1", "2", "3", "4", "5", "6", "late"]


@pytest.mark.parametrize("text", ["", "\x00", "a'; DROP TABLE event; --", "\udcff raw", "ü" * 9999])
def test_no_text_of_a_machine_upsets_the_journal(journal: Journal, text: str) -> None:
    """What a machine says is kept, though it be no text at all."""
    event = journal.add_event("syslog", text, data={"text": text})
    assert list(journal.events()) == [event]


def test_runs_and_steps_tell_how_they_ended(journal: Journal) -> None:
    """Each with its times, its outcome and what proves it."""
    run = journal.begin_run("0.1", "eth0")
    journal.begin_step(run, "s1", "digest")
    journal.end_step(run, "s1", "done", {"proof": 1})
    journal.begin_step(run, "s2", "other")
    journal.end_step(run, "s2", "failed", {})
    journal.end_run(run, "failed")
    (entry,) = journal.runs()
    assert (entry.outcome, entry.version, entry.interface) == ("failed", "0.1", "eth0")
    assert entry.ended is not None
    assert entry.ended > entry.started
    one, two = journal.steps(run)
    assert (one.name, one.inputs, one.outcome, one.evidence) == (
        "s1",
        "digest",
        "done",
        {"proof": 1},
    )
    assert (two.name, two.outcome) == ("s2", "failed")


def test_a_killed_run_shows_when_the_next_one_begins(journal: Journal) -> None:
    """What never ended was killed; what ended stays as it was."""
    first = journal.begin_run("0.1", "eth0")
    journal.end_run(first, "done")
    second = journal.begin_run("0.1", "eth0")
    journal.begin_step(second, "s1", "")
    assert journal.runs()[1].outcome is None
    journal.begin_run("0.1", "eth0")
    assert [entry.outcome for entry in journal.runs()] == ["done", "killed", None]
    assert journal.steps(second)[0].outcome == "killed"


def test_kill_9_leaves_every_told_event_on_disk(
    tmp_path: Path, opened: Callable[[Path], sqlite3.Connection]
) -> None:
    """What the writer said it wrote is there, whole, and the next run starts on it."""
    path = tmp_path / "main.db"
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(50)]
        os.kill(writer.pid, signal.SIGKILL)
        told += [int(line) for line in writer.stdout.read().split("\n")[:-1]]
    assert writer.returncode == -signal.SIGKILL

    connection = opened(path)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    journal = Journal(connection, clock=lambda: 2.0)
    events = list(journal.events())
    assert [event.id for event in events][: len(told)] == told
    assert len(events) - len(told) in (0, 1)
    assert all(event.data["number"] == number for number, event in enumerate(events))
    journal.begin_run("0.1", "eth0")
    assert [entry.outcome for entry in journal.runs()] == ["killed", None]


def test_what_another_process_told_is_kept_once(journal: Journal) -> None:
    """Its mark says whether it is kept already, and which was the last."""
    assert (journal.last_mark(), journal.has("a.1")) == ("", False)
    journal.add_event("evidence", "first", mark="a.2")
    journal.add_event("evidence", "second", mark="a.10")
    journal.add_event("finding", "of its own")
    journal.add_event("finding", "another of its own")

    assert (journal.has("a.1"), journal.has("a.2"), journal.last_mark()) == (False, True, "a.10")
    with pytest.raises(sqlite3.IntegrityError):
        journal.add_event("evidence", "first", mark="a.2")
