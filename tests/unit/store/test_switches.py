"""What is kept of each machine's switch outlives the program."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

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
