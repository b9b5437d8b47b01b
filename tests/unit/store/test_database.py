"""main.db: private, made once, refused when it is not ours."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from appliance.errors import PreflightError
from appliance.store.database import VERSION, open_copy, open_database

Open = Callable[[Path], sqlite3.Connection]
_SINCE_2 = ("agreed", "discovered", "stage1_order", "switch")
TABLES = {
    "run",
    "step",
    "event",
    "machine",
    "frozen",
    "approved",
    "vault",
    "left_behind",
    "event_mark",
}


def names(connection: sqlite3.Connection) -> set[str]:
    """Give the tables and indexes there are."""
    return {row["name"] for row in connection.execute("SELECT name FROM sqlite_master")}


def test_a_new_file_has_all_tables_and_is_private(tmp_path: Path, opened: Open) -> None:
    """Nobody but its owner reads it, nor the files SQLite puts beside it."""
    path = tmp_path / "alpha" / "main.db"
    old = os.umask(0)
    try:
        connection = opened(path)
        connection.execute("INSERT INTO frozen (id, value) VALUES (1, '{}')")
    finally:
        os.umask(old)
    assert names(connection) >= TABLES
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    assert version == VERSION
    files = list(path.parent.iterdir())
    assert {file.name for file in files} >= {"main.db", "main.db-wal"}
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o711


def test_a_file_left_open_to_others_is_closed_to_them(tmp_path: Path, opened: Open) -> None:
    """A copy made with the wrong mode is mended when it is opened."""
    path = tmp_path / "main.db"
    opened(path).close()
    path.chmod(0o644)
    opened(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


_ELSEWHERE = """
import sys
from contextlib import closing
from pathlib import Path
from appliance.store.database import open_database

with closing(open_database(Path(sys.argv[1]))) as connection:
    connection.execute("INSERT INTO event (at, kind, text) VALUES (1.0, 'finding', 'news')")
"""


def test_who_looks_long_sees_what_others_write_however_often_it_is_opened(
    tmp_path: Path, opened: Open
) -> None:
    """A page opens the file while a stream of the same process has it open; a run writes to it."""
    path = tmp_path / "main.db"
    stream = opened(path)
    for count in (1, 2, 3):
        opened(path).close()
        subprocess.run([sys.executable, "-c", _ELSEWHERE, str(path)], check=True)
        for looking in (stream, opened(path)):
            (seen,) = looking.execute("SELECT count(*) FROM event").fetchone()
            assert seen == count
    (verdict,) = stream.execute("PRAGMA integrity_check").fetchone()
    assert verdict == "ok"


def test_opening_again_keeps_what_is_there(tmp_path: Path, opened: Open) -> None:
    """The schema is made once."""
    path = tmp_path / "main.db"
    opened(path).execute("INSERT INTO frozen (id, value) VALUES (1, 'kept')")
    (value,) = opened(path).execute("SELECT value FROM frozen").fetchone()
    assert value == "kept"


def test_a_file_of_version_1_gets_what_came_since(tmp_path: Path, opened: Open) -> None:
    """What is in it stays."""
    path = tmp_path / "main.db"
    old = opened(path)
    old.execute("INSERT INTO frozen (id, value) VALUES (1, 'kept')")
    old.execute("INSERT INTO event (at, kind, text) VALUES (1.0, 'finding', 'kept')")
    for table in ("left_behind", *_SINCE_2):
        old.execute(f"DROP TABLE {table}")
    old.execute("DROP INDEX event_mark")
    old.execute("ALTER TABLE event DROP COLUMN mark")
    old.execute("PRAGMA user_version=1")
    old.close()
    new = opened(path)
    assert names(new) >= TABLES
    assert new.execute("SELECT value FROM frozen").fetchone()["value"] == "kept"
    assert tuple(new.execute("SELECT text, mark FROM event").fetchone()) == ("kept", None)
    assert new.execute("PRAGMA user_version").fetchone()[0] == VERSION


def test_a_file_of_version_2_gets_what_machines_report(tmp_path: Path, opened: Open) -> None:
    """What is in it stays, and a second opening finds nothing to do."""
    path = tmp_path / "main.db"
    old = opened(path)
    old.execute("INSERT INTO approved (name, mac, value) VALUES ('hv1', '525400000001', '{}')")
    for table in _SINCE_2:
        old.execute(f"DROP TABLE {table}")
    old.execute("PRAGMA user_version=2")
    old.close()
    for new in (opened(path), opened(path)):
        assert names(new) >= {*TABLES, *_SINCE_2}
        assert new.execute("SELECT name FROM approved").fetchone()["name"] == "hv1"
        assert new.execute("PRAGMA user_version").fetchone()[0] == VERSION


def test_a_file_of_version_3_gets_what_is_kept_of_switches(tmp_path: Path, opened: Open) -> None:
    """And only that: the tables of version 3 are not made again."""
    path = tmp_path / "main.db"
    old = opened(path)
    old.execute("INSERT INTO agreed (name, disk) VALUES ('hv1', '/dev/disk/by-id/a')")
    old.execute("DROP TABLE switch")
    old.execute("PRAGMA user_version=3")
    old.close()
    new = opened(path)
    assert names(new) >= {*TABLES, *_SINCE_2}
    assert new.execute("SELECT name FROM agreed").fetchone()["name"] == "hv1"


def test_what_is_written_to_a_copy_is_not_kept(tmp_path: Path, opened: Open) -> None:
    """It starts with what is there, or with empty tables, and makes no file."""
    path = tmp_path / "main.db"
    original = opened(path)
    original.execute("INSERT INTO frozen (id, value) VALUES (1, 'kept')")
    with closing(open_copy(path)) as copy:
        assert copy.execute("SELECT value FROM frozen").fetchone()["value"] == "kept"
        copy.execute("DELETE FROM frozen")
    assert original.execute("SELECT count(*) FROM frozen").fetchone()[0] == 1
    before = set(tmp_path.iterdir())
    with closing(open_copy(tmp_path / "none" / "main.db")) as empty:
        assert names(empty) >= TABLES
    assert set(tmp_path.iterdir()) == before


def test_a_copy_of_an_older_file_leaves_that_as_it_is(tmp_path: Path, opened: Open) -> None:
    """Mode, schema and content: only a run brings a file to a newer version."""
    path = tmp_path / "main.db"
    old = opened(path)
    old.execute("DROP TABLE switch")
    old.execute("PRAGMA user_version=3")
    old.close()
    path.chmod(0o640)
    before = path.read_bytes()
    with closing(open_copy(path)) as copy:
        assert names(copy) >= {*TABLES, *_SINCE_2}
    assert path.read_bytes() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_file_has_no_copy(tmp_path: Path) -> None:
    """It is said which."""
    path = tmp_path / "main.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(PreflightError, match="cannot be opened") as refused:
        open_copy(path)
    assert refused.value.where == str(path)


@pytest.mark.root
def test_who_may_not_read_it_is_told_of_reading(tmp_path: Path, opened: Open) -> None:
    """Of the file, and of a folder that is shut; a look needs no right to write."""
    path = tmp_path / "alpha" / "main.db"
    opened(path)
    tmp_path.chmod(0o711)
    for mode in (0o711, 0o700):
        path.parent.chmod(mode)
        refused = _as_nobody(f"""
from pathlib import Path
from appliance.errors import PreflightError
from appliance.store.database import open_copy
try:
    open_copy(Path({str(path)!r}))
except PreflightError as error:
    print(error.what)
""")
        assert refused == "the site's state cannot be read\n"


def _as_nobody(program: str) -> str:
    command = [sys.executable, "-c", f"import os; os.setuid(65534)\n{program}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_processes_that_open_a_new_file_at_once_all_succeed(tmp_path: Path, opened: Open) -> None:
    """The wizard and a run may start together; the second finds the tables of the first."""
    code = (
        "import sys, pathlib; sys.stdin.readline();"
        "from appliance.store.database import open_database;"
        f"open_database(pathlib.Path({str(tmp_path / 'main.db')!r}))"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(6)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write(b"\n")
        child.stdin.flush()
    errors = [child.communicate()[1].decode() for child in children]
    assert errors == [""] * 6
    assert names(opened(tmp_path / "main.db")) >= TABLES


def test_a_newer_file_is_refused(tmp_path: Path, opened: Open) -> None:
    """An older program never writes into what it does not understand."""
    path = tmp_path / "main.db"
    connection = opened(path)
    connection.execute(f"PRAGMA user_version={VERSION + 1}")
    connection.close()
    with pytest.raises(PreflightError, match="newer Bridgehead"):
        opened(path)


def test_a_damaged_file_is_told_with_its_place(tmp_path: Path) -> None:
    """The operator learns which file, not a stack trace."""
    path = tmp_path / "main.db"
    path.write_bytes(b"this is no database at all, and long enough to be seen as none" * 40)
    with pytest.raises(PreflightError) as caught:
        open_database(path)
    assert caught.value.where == str(path)
    assert caught.value.fix


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file stands where the site's folder should be."""
    (tmp_path / "alpha").write_text("")
    with pytest.raises(PreflightError, match="cannot be"):
        open_database(tmp_path / "alpha" / "main.db")
