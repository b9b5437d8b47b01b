"""What is kept of each machine's switch outlives the program."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from appliance.store.database import open_database
from appliance.store.switches import Switches

Open = Callable[[Path], sqlite3.Connection]


def test_what_is_noted_of_a_switch_is_added_to_what_is_kept(tmp_path: Path, opened: Open) -> None:
    """None takes a value out; another machine's stays."""
    path = tmp_path / "main.db"
    switches = Switches(opened(path))
    assert switches.get("hv1") == {}
    switches.note("hv1", fingerprint="ab", power="on")
    switches.note("hv2", power="off")
    switches.note("hv1", power=None, system="1")
    again = Switches(opened(path))
    assert again.get("hv1") == {"fingerprint": "ab", "system": "1"}
    assert again.all() == {"hv1": {"fingerprint": "ab", "system": "1"}, "hv2": {"power": "off"}}


def test_what_two_note_at_once_is_both_kept(tmp_path: Path, opened: Open) -> None:
    """A run's reading does not bring back the certificate that a person had forgotten."""
    path = tmp_path / "main.db"
    opened(path).close()

    def note(key: str) -> None:
        with closing(open_database(path)) as own:
            for number in range(50):
                Switches(own).note("hv1", **{f"{key}{number}": number})

    threads = [threading.Thread(target=note, args=(key,)) for key in "ab"]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(Switches(opened(path)).get("hv1")) == 100
