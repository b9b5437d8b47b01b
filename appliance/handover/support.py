"""One redacted file for whoever helps from afar, and a short code to read over the telephone."""

from __future__ import annotations

import io
import json
import os
import platform
import re
import sqlite3
import sys
import tarfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from appliance.errors import BridgeheadError
from appliance.handover.report import ReportInput, gather
from appliance.handover.short_code import Standing, short_code, worst
from appliance.site.plan import Plan
from appliance.store.journal import Journal
from appliance.tools.clock import Clock, as_text
from appliance.tools.host_clock import synchronised
from appliance.tools.process import run
from appliance.tools.redact import Redactor
from appliance.tools.whole_file import asked_for
from appliance.values import Secret

MAX_LOG = 5_000_000
"""Octets kept of each log: its end, where things went wrong."""

_NAME_END = re.compile(r"[^A-Za-z0-9._-]")
_BOOT_TABLES = ("event", "lease")
_ASKED = (
    ("ip", "-details", "-statistics", "address"),
    ("ip", "route"),
    ("ip", "neighbour"),
    ("ss", "--listening", "--numeric", "--udp", "--tcp"),
)

Piece = tuple[str, Callable[[], str]]
"""A name within the file, and what makes its text (which may fail)."""


@dataclass(frozen=True, slots=True)
class Support:
    """The file that was written, and the short code."""

    path: Path
    code: str


@dataclass(frozen=True, slots=True)
class SupportSources:
    """Where a support file takes its pieces from. `boot_database` need not be there."""

    journal: Journal
    plan: Plan
    reports: Path
    boot_database: Path
    clock: Clock
    secrets: tuple[Secret, ...]


def standing_of(report: ReportInput) -> Standing:
    """Say how the newest run stands."""
    states = [each.state for each in report.machines]
    armed = [state for state in states if worst([state]) != "none"]
    last_run = report.runs[-1].id if report.runs else 0
    steps = [step.name for step in report.steps if step.run == last_run]
    coded = [each.code for each in report.troubles if each.code.startswith("BH")]
    failed = report.outcome in ("failed", "interrupted")
    digits = coded[-1].removeprefix("BH") if coded and failed else ""
    return Standing(
        outcome=report.outcome,
        step=steps[-1] if steps else "none",
        state=worst(armed),
        error=int(digits) if digits.isdecimal() else 0,
        machines=len(armed),
        not_ready=sum(state != "ready" for state in armed),
    )


def write_support(sources: SupportSources, path: Path) -> Support:
    """Write the file, 0600, whole or not at all. A piece that cannot be had is named in it.

    Every text in it has passed the redactor. Raises InputError where it cannot be written.
    """
    now = sources.clock.utc()
    redactor = Redactor(sources.secrets)
    code = short_code(standing_of(gather(sources.journal, sources.plan, now=now)))
    intro: Piece = ("README.txt", lambda: _intro(sources.plan.site_id, code, now))
    with asked_for(path) as file:
        _pack(file, (intro, *_pieces(sources, redactor)), redactor, now)
    return Support(path, code)


def _pack(file: io.BufferedWriter, pieces: Iterable[Piece], redactor: Redactor, at: float) -> None:
    missing = []
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, make in pieces:
            try:
                text = make()
            except (BridgeheadError, OSError, sqlite3.Error, ValueError) as error:
                missing.append(f"{name}: {type(error).__name__}: {error}")
                continue
            _add(archive, redactor.text(name), redactor.text(text), at)
        _add(archive, "missing.txt", redactor.text("\n".join(missing)), at)


def _add(archive: tarfile.TarFile, name: str, text: str, at: float) -> None:
    raw = text.encode("utf-8", "replace")
    entry = tarfile.TarInfo(f"bridgehead-support/{name}")
    entry.size, entry.mtime, entry.mode = len(raw), int(at), 0o600
    archive.addfile(entry, io.BytesIO(raw))


def _pieces(sources: SupportSources, redactor: Redactor) -> Iterator[Piece]:
    journal = sources.journal

    def lines(rows: Iterable[object]) -> str:
        return "".join(f"{json.dumps(redactor.value(row), default=str)}\n" for row in rows)

    def table_lines(table: str) -> str:
        return lines(_rows(sources.boot_database, table))

    yield "plan.json", lambda: json.dumps(redactor.value(sources.plan.as_json()), indent=1)
    yield "journal.jsonl", lambda: lines(event.as_dict() for event in journal.events())
    yield "runs.jsonl", lambda: lines(map(asdict, journal.runs()))
    yield "steps.jsonl", lambda: lines(map(asdict, journal.steps()))
    for table in _tables(sources.boot_database):
        yield f"boot-{table}.jsonl", partial(table_lines, table)
    yield "versions.json", lambda: json.dumps(_versions(), indent=1)
    yield "clock.json", lambda: json.dumps(_clock(sources.clock), indent=1)
    for argv in _ASKED:
        yield f"laptop/{argv[0]}-{argv[-1].strip('-')}.txt", partial(_said, argv)
    for file in _logs(sources.reports):
        yield f"reports/{file.relative_to(sources.reports)}", partial(_tail, file)


def _intro(site: str, code: str, now: float) -> str:
    return (
        f"Bridgehead support file of site {site}, {as_text(now)}.\nShort code: {code}\n\n"
        "Passwords, tokens, keys and hashes were replaced by asterisks before anything was\n"
        "written. What could not be collected is named in missing.txt.\n"
    )


def _versions() -> dict[str, str]:
    found = {
        "python": sys.version,
        "system": platform.platform(),
        "bridgehead": version("bridgehead"),
    }
    for requirement in requires("bridgehead") or []:
        name = _NAME_END.split(requirement, maxsplit=1)[0]
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


def _clock(clock: Clock) -> dict[str, object]:
    now = clock.utc()
    return {
        "utc": as_text(now),
        "unix": now,
        "monotonic": clock.monotonic(),
        "synchronised": synchronised(),
    }


def _said(argv: tuple[str, ...]) -> str:
    result = run(argv, seconds=10)
    return f"$ {' '.join(argv)}\n{result.out}{result.err}"


def _tables(database: Path) -> tuple[str, ...]:
    """Name the tables to dump; minted boots stay out. A file that cannot be read gives `event`."""
    try:
        with closing(_open(database)) as connection:
            rows = connection.execute("SELECT name FROM sqlite_master WHERE type='table'")
            there = {name for (name,) in rows}
    except sqlite3.Error:
        return ("event",)
    return tuple(table for table in _BOOT_TABLES if table in there)


def _rows(database: Path, table: str) -> list[dict[str, object]]:
    with closing(_open(database)) as connection:
        connection.row_factory = sqlite3.Row
        found = connection.execute(f"SELECT * FROM {table}")  # noqa: S608 - one of our own names
        return [dict(row) for row in found]


def _open(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True, timeout=10)


def _logs(reports: Path) -> list[Path]:
    """Give the texts among the reports. Links are not followed: they may lead anywhere."""
    return sorted(
        file
        for file in reports.rglob("*")
        if file.is_file()
        and not file.is_symlink()
        and not file.name.startswith(".")
        and not file.name.endswith((".gz", ".zip", ".pcap", ".img", ".qcow2", ".db"))
    )


def _tail(file: Path) -> str:
    with file.open("rb") as opened:
        start = max(0, os.fstat(opened.fileno()).st_size - MAX_LOG)
        opened.seek(start)
        text = opened.read().decode("utf-8", "replace")
    # The first line is cut: what is left of a secret in it would not be known as one.
    return text if start == 0 else f"[{start} octets left out]\n{text.partition(chr(10))[2]}"
