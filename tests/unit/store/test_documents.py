"""What was frozen and approved outlives the program."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from appliance.store.documents import Agreed, Approved, Frozen, LeftBehind

Open = Callable[[Path], sqlite3.Connection]


def test_nothing_is_frozen_before_first_use(tmp_path: Path, opened: Open) -> None:
    """Then the last writing counts, in any process."""
    path = tmp_path / "main.db"
    frozen = Frozen(opened(path))
    assert frozen.read() is None
    frozen.write({"b": 1, "a": {"hv1": "10.0.0.5"}})
    frozen.write({"a": {"hv1": "10.0.0.6"}})
    assert Frozen(opened(path)).read() == {"a": {"hv1": "10.0.0.6"}}


def test_what_is_read_alone_is_what_is_written_over(tmp_path: Path, opened: Open) -> None:
    """Two commands that change a part each lose neither; a fault writes nothing."""
    path = tmp_path / "main.db"
    one, two = Frozen(opened(path)), Frozen(opened(path))
    one.write({"a": 1})
    with two.alone():
        two.write({**(two.read() or {}), "b": 2})
    with pytest.raises(TypeError), one.alone():
        one.write({"a": {2}})
    assert one.read() == {"a": 1, "b": 2}


def test_approved_machines_are_kept_by_name(tmp_path: Path, opened: Open) -> None:
    """Approving again replaces; the order is that of the names."""
    approved = Approved(opened(tmp_path / "main.db"))
    assert approved.all() == {}
    approved.put("hv2", "525400000002", {"disk": "/dev/sdb"})
    approved.put("hv1", "525400000001", {"disk": "/dev/sda"})
    approved.put("hv2", "525400000002", {"disk": "/dev/vda"})
    assert list(approved.all().items()) == [
        ("hv1", {"disk": "/dev/sda"}),
        ("hv2", {"disk": "/dev/vda"}),
    ]


def test_what_may_be_erased_is_kept_until_it_is_forgotten(tmp_path: Path, opened: Open) -> None:
    """For one disk of a machine; the last word counts, in any process."""
    path = tmp_path / "main.db"
    agreed = Agreed(opened(path))
    agreed.put("hv1", "/dev/disk/by-id/A")
    agreed.put("hv1", "/dev/disk/by-id/B")
    assert Agreed(opened(path)).all() == {"hv1": "/dev/disk/by-id/B"}
    agreed.forget("hv1")
    assert agreed.all() == {}


def test_what_a_step_left_is_kept_until_it_is_forgotten(tmp_path: Path, opened: Open) -> None:
    """In any process, and for each step alone."""
    path = tmp_path / "main.db"
    left = LeftBehind(opened(path))
    assert left.read("s3") is None
    left.write("s3", {"interface": "p0", "lacked": True})
    left.write("s6", {})
    assert LeftBehind(opened(path)).read("s3") == {"interface": "p0", "lacked": True}
    left.forget("s3")
    left.forget("s3")
    assert (left.read("s3"), left.read("s6")) == (None, {})
