"""main.db: opened, migrated, 0600. One connection a thread; SQLite does the locking."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
import time
from contextlib import closing, suppress
from importlib import resources
from pathlib import Path

from appliance import advice
from appliance.errors import PreflightError

VERSION = 4
"""The schema's version, kept in SQLite's own `user_version`."""

_MEND = "free disk space, or bring the file back from a backup"
_WAL_TRIES = 300
_WAL_PAUSE = 0.1
_SINCE_1 = (
    "CREATE TABLE left_behind (step TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",
    "ALTER TABLE event ADD COLUMN mark TEXT",
    "CREATE UNIQUE INDEX event_mark ON event (mark)",
)
_SINCE_2 = (
    "CREATE TABLE agreed (name TEXT PRIMARY KEY, disk TEXT NOT NULL) STRICT",
    (
        "CREATE TABLE discovered (mac TEXT NOT NULL, address TEXT NOT NULL, first REAL NOT NULL,"
        " last REAL NOT NULL, report TEXT NOT NULL, PRIMARY KEY (mac, first)) STRICT"
    ),
    (
        "CREATE TABLE stage1_order (mac TEXT PRIMARY KEY, word TEXT NOT NULL,"
        " seconds INTEGER NOT NULL) STRICT"
    ),
)
_SINCE_3 = ("CREATE TABLE switch (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",)
_SINCE = (_SINCE_1, _SINCE_2, _SINCE_3)
"""What brings a file of version 1, 2, … to the next."""


def open_database(path: Path) -> sqlite3.Connection:
    """Open main.db, making it (and its folder, 0711) where there is none.

    Raises PreflightError if it is damaged, of a newer version, or cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o711)
        _make(path)
        path.chmod(0o600)
        return _connect(path)
    except PermissionError as error:
        raise PreflightError(
            "the site's state cannot be written",
            where=str(path),
            why=error,
            fix=advice.other_state(),
        ) from error
    except (sqlite3.DatabaseError, OSError) as error:
        raise PreflightError(
            "the site's state cannot be opened",
            where=str(path),
            why=error,
            fix=_MEND,
        ) from error


def _make(path: Path) -> None:
    """Make an empty file, private from its first moment, where there is none.

    Never by opening it: to close it again would drop the locks of every connection that this
    process has to it (sqlite.org/howtocorrupt.html, section 2.2). Another process then took itself
    for the last one and removed the write-ahead log: who looked long saw nothing new any more.
    """
    with suppress(FileExistsError):
        os.mknod(path, 0o600 | stat.S_IFREG)


def open_copy(path: Path) -> sqlite3.Connection:
    """Open a copy of main.db in memory, empty where there is none: nothing on disk is changed.

    Raises PreflightError if it is damaged, of a newer version, or cannot be read.
    """
    copy = sqlite3.connect(":memory:", isolation_level=None)
    try:
        if _is_there(path):
            # `rw`, which makes no file: the last reader of a killed run's log tidies it up.
            uri = f"{path.absolute().as_uri()}?mode=rw"
            with closing(sqlite3.connect(uri, uri=True, timeout=30)) as original:
                original.backup(copy)
        _set_up(copy, path)
    except PermissionError as error:
        copy.close()
        raise PreflightError(
            "the site's state cannot be read",
            where=str(path),
            why=error,
            fix=advice.other_state(),
        ) from error
    except (sqlite3.DatabaseError, OSError) as error:
        copy.close()
        raise PreflightError(
            "the site's state cannot be opened", where=str(path), why=error, fix=_MEND
        ) from error
    except BaseException:
        copy.close()
        raise
    return copy


def _is_there(path: Path) -> bool:
    """Say whether it is there. Raises PermissionError where it is not for us to read."""
    try:
        path.stat()
    except FileNotFoundError:
        return False
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return True


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30, isolation_level=None)
    try:
        _write_ahead(connection)
        connection.execute("PRAGMA synchronous=FULL")
        _set_up(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, path: Path) -> None:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA foreign_keys=ON")
    _migrate(connection, path)


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Switch to write-ahead logging.

    SQLite does not wait for that lock (sqlite.org/wal.html, section 9, "SQLITE_BUSY"): another
    process that opens or leaves the same file at this moment is waited for here.
    """
    for left in reversed(range(_WAL_TRIES)):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_BUSY" or not left:
                raise
            time.sleep(_WAL_PAUSE)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        raise PreflightError(
            f"the site's state was written by a newer Bridgehead (schema {version})",
            where=str(path),
            fix=f"use that version; this one knows schema {VERSION}",
        )
    if version < VERSION:
        _create(connection)


def _create(connection: sqlite3.Connection) -> None:
    """Make the tables that are missing, unless another process made them just now."""
    schema = resources.files("appliance.store").joinpath("schema.sql").read_text()
    # Not `executescript`, which would run all of it even where the version has been set meanwhile.
    connection.execute("BEGIN IMMEDIATE")
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == 0:
            for statement in schema.split(";"):
                connection.execute(statement)
        else:
            for statement in (each for since in _SINCE[version - 1 :] for each in since):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={VERSION}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
