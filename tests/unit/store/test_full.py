"""A full disk is told from other faults of a database."""

from __future__ import annotations

import sqlite3

import pytest

from appliance.errors import StoreFullError
from appliance.store.full import alone, full_disk_named


def test_no_room_is_named() -> None:
    """SQLite itself says so once its limit of pages is reached."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE t (x BLOB)")
        connection.execute("PRAGMA max_page_count=2")
        with pytest.raises(StoreFullError) as caught, full_disk_named():
            connection.execute("INSERT INTO t VALUES (zeroblob(100000))")
    connection.close()
    assert "free disk space" in caught.value.fix


def test_other_faults_stay_what_they_are() -> None:
    """A missing table is a fault of this program."""
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError), full_disk_named():
        connection.execute("SELECT * FROM nothing")
    connection.close()


def test_what_is_left_by_an_exception_is_not_written() -> None:
    """And the next one may begin."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t (x)")

    def break_off() -> None:
        with alone(connection):
            connection.execute("INSERT INTO t VALUES (1)")
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    with alone(connection):
        connection.execute("INSERT INTO t VALUES (2)")
    assert connection.execute("SELECT x FROM t").fetchall() == [(2,)]
    connection.close()
