"""What machines reported, and what they are to be told, outlives the program."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from appliance.store.discovered import (
    KEPT_MACHINES,
    KEPT_REPORTS,
    Discoveries,
    Discovery,
    Ordered,
    OrdersToStage1,
)
from appliance.values import Mac

Open = Callable[[Path], sqlite3.Connection]
_ONE, _TWO = Mac("525400000001"), Mac("525400000002")


def test_the_newest_report_wins_and_the_last_three_are_kept(tmp_path: Path, opened: Open) -> None:
    """In any process; the newest first."""
    path = tmp_path / "main.db"
    kept = Discoveries(opened(path))
    for number in range(5):
        kept.put(_ONE, "10.0.0.9", f"report {number}", float(number))
    again = Discoveries(opened(path)).of(_ONE)
    assert [each.report for each in again] == ["report 4", "report 3", "report 2"]
    assert len(again) == KEPT_REPORTS
    assert again[0] == Discovery(_ONE, "10.0.0.9", 4.0, 4.0, "report 4")


def test_saying_the_same_again_moves_only_the_time(tmp_path: Path, opened: Open) -> None:
    """And the address, which may be another lease."""
    kept = Discoveries(opened(tmp_path / "main.db"))
    kept.put(_ONE, "10.0.0.9", "report", 1.0)
    kept.repeat(kept.of(_ONE)[0], "10.0.0.10", 7.0)
    assert kept.of(_ONE) == (Discovery(_ONE, "10.0.0.10", 1.0, 7.0, "report"),)


def test_every_machine_has_one_newest_report(tmp_path: Path, opened: Open) -> None:
    """In the order in which the machines were first heard."""
    kept = Discoveries(opened(tmp_path / "main.db"))
    assert kept.newest() == ()
    kept.put(_TWO, "10.0.0.8", "two", 1.0)
    kept.put(_ONE, "10.0.0.9", "one", 2.0)
    kept.put(_TWO, "10.0.0.8", "two again", 3.0)
    assert [each.report for each in kept.newest()] == ["two again", "one"]
    assert kept.of(Mac("525400000003")) == ()


def test_made_up_addresses_do_not_fill_the_disk(tmp_path: Path, opened: Open) -> None:
    """Who was silent longest goes; who is heard again stays."""
    kept = Discoveries(opened(tmp_path / "main.db"))
    kept.put(_ONE, "10.0.0.9", "one", 0.0)
    kept.put(_TWO, "10.0.0.8", "two", 1.0)
    kept.repeat(kept.of(_ONE)[0], "10.0.0.9", 2.0)
    for number in range(KEPT_MACHINES - 1):
        kept.put(Mac(f"5254aa{number:06x}"), "10.0.0.7", "x", 3.0 + number)
    assert len(kept.newest()) == KEPT_MACHINES
    assert kept.of(_TWO) == ()
    assert len(kept.of(_ONE)) == 1


def test_an_order_is_taken_once(tmp_path: Path, opened: Open) -> None:
    """By whoever serves the machines; a newer order replaces an older one."""
    path = tmp_path / "main.db"
    left = OrdersToStage1(opened(path))
    left.put(Ordered(_ONE, "blink", 30))
    left.put(Ordered(_ONE, "blink", 60))
    left.put(Ordered(_TWO, "reboot", 0))
    taken = OrdersToStage1(opened(path)).take()
    assert taken == (Ordered(_ONE, "blink", 60), Ordered(_TWO, "reboot", 0))
    assert left.take() == ()
