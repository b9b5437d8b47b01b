"""The command is killed at each step and inside the installation, and run again each time."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from tests.flow.rehearsed_site import EventDict, Provision, RehearsedSite
from tests.flow.scripted_machine import ScriptedMachine

pytestmark = pytest.mark.root

_BOUNDARIES = {("step-done", step) for step in ("s1", "s2", "s3", "s4", "s5", "s8")}
_INSIDE = {("evidence", seen) for seen in ("install-script", "config-sent", "image-asked")}
_AFTER = {("evidence", "hook-succeeded"), ("evidence", "own-disk-script")}


def _journalled(site: RehearsedSite) -> Counter[tuple[str, str]]:
    """Count the evidence in main's own journal, over all runs."""
    database = site.state / "alpha" / "main.db"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT data FROM event WHERE kind='evidence'").fetchall()
    return Counter(("evidence", json.loads(row[0])["seen"]) for row in rows)


def _mark(event: EventDict) -> tuple[str, str]:
    kind = "step-done" if event["kind"] == "step-skipped" else event["kind"]
    return kind, event["data"]["seen"] if kind == "evidence" else event["step"]


def _kill_at_a_mark(run: Provision, left: set[tuple[str, str]], machine: ScriptedMachine) -> bool:
    """Follow a run and kill it at the first mark that is left; False if it came to its end."""

    def is_mark(event: EventDict) -> bool:
        if (event["kind"], event.get("step")) == ("step-started", "s4") and not machine.reached:
            machine.power_on()
        if _mark(event) in left:
            left.discard(_mark(event))
            return True
        return bool(event["kind"] == "run-ended")

    if run.until(is_mark, seconds=90)["kind"] == "run-ended":
        return False
    run.kill()
    return True


@pytest.mark.parametrize("left", [_BOUNDARIES, _INSIDE, _AFTER], ids=["steps", "inside", "after"])
def test_killed_anywhere_it_reaches_the_same_end(
    site: RehearsedSite, left: set[tuple[str, str]]
) -> None:
    """Each mark kills once; the last run ends well, and the machine was installed once.

    What the boot process saw of it is in main's journal, each once, whenever main was killed.
    """
    machine = site.machine()
    left, starts = set(left), len(left) + 1
    run = site.run()
    findings: list[str] = []
    while _kill_at_a_mark(run, left, machine):
        findings += run.texts("finding")
        # Evidence is told once: what was kept before the kill came is no mark of the next run.
        passed = left & _journalled(site).keys()
        left -= passed
        starts -= 1 + len(passed)
        run = site.run()
    assert run.end() == 0, run.errors
    assert (left, starts) == (set(), 1)
    assert run.ended["machines"] == {"hv1": "ready"}
    seen = site.seen()
    assert machine.partitioned == 1
    assert machine.fault is None
    findings += run.texts("finding")
    assert [each for each in findings if "refused" in each or "reserved" in each] == []
    # A script that was given before the kill is not repeated from memory, but nothing of the
    # machine is installed a second time.
    assert seen["config-sent"] == 1
    journalled = {mark[1]: count for mark, count in _journalled(site).items()}
    missing = {each: count for each, count in seen.items() if journalled.get(each) != count}
    assert (missing, journalled.keys() - seen.keys()) == ({}, set())


def test_a_run_over_a_finished_site_does_nothing(site: RehearsedSite) -> None:
    """The machines answer, so nothing is waited for; a machine that boots now gets its own disk."""
    machine = site.machine()
    machine.power_on()
    assert site.run().end() == 0
    again = site.run()
    assert again.end() == 0
    skipped = {each["step"] for each in again.history if each["kind"] == "step-skipped"}
    assert {"s4", "s5"} <= skipped
    assert (machine.partitioned, site.seen()["install-script"]) == (1, 1)
