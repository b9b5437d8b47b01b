"""A full disk under SQLite, told from all else that can go wrong there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from appliance.errors import StoreFullError

_FULL = frozenset(
    {
        "SQLITE_FULL",
        "SQLITE_IOERR_FSYNC",
        "SQLITE_IOERR_SHMSIZE",
        "SQLITE_IOERR_TRUNCATE",
        "SQLITE_IOERR_WRITE",
    }
)


@contextmanager
def full_disk_named() -> Iterator[None]:
    """Raise StoreFullError where the block's SQLite finds no room; other errors pass."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname not in _FULL:
            raise
        raise StoreFullError(
            "the disk of this laptop is full",
            why=str(error),
            fix="free disk space; what is seen meanwhile is kept in memory",
        ) from error


@contextmanager
def alone(connection: sqlite3.Connection) -> Iterator[None]:
    """Keep others from writing meanwhile: what is read in the block is what is written over.

    Nothing is written if it is left by an exception. Raises StoreFullError.
    """
    with full_disk_named():
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk may have ended it already
                connection.execute("ROLLBACK")
            raise
