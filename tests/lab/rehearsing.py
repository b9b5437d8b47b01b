"""Rehearsals for tests: a site is staged, followed, disturbed, and looked at when it is over."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from appliance.lab.appliance_process import EventDict
from appliance.lab.legs import as_text, legs
from appliance.lab.machine import Firmware
from appliance.lab.rehearsal import Rehearsal, rehearsed
from appliance.lab.rehearse import prepare

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
LIMIT_SECONDS = 1500.0


@contextmanager
def staged(
    example: str,
    firmware: Mapping[str, Firmware] = MappingProxyType({}),
    other_disks: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Iterator[Rehearsal]:
    """Stage a site of the examples: network and machines are there, everything is off.

    `firmware` replaces that of the site file, by machine; `other_disks` are serial numbers of
    further disks. The folder is gone afterwards if all went well; else it stays, and pytest shows
    its name.
    """
    site = EXAMPLES / example
    # Not pytest's own folder: that is root's alone, and the boot process is not root.
    folder = Path(tempfile.mkdtemp(prefix=f"bridgehead-{site.stem}-", dir="/var/tmp"))
    folder.chmod(0o755)
    print(f"{example}: {folder}")  # noqa: T201 - where the consoles are if it fails
    with rehearsed(
        site,
        prepare(site, folder),
        folder,
        limit_s=LIMIT_SECONDS,
        firmware=firmware,
        other_disks=other_disks,
    ) as rehearsal:
        yield rehearsal
        print(as_text(legs(rehearsal.history)))  # noqa: T201 - CI shows the time of each leg
    shutil.rmtree(folder)


def watch_nothing(rehearsal: Rehearsal, event: EventDict) -> None:
    """Let the rehearsal go on undisturbed."""


def run_to_the_end(
    rehearsal: Rehearsal,
    watch: Callable[[Rehearsal, EventDict], None] = watch_nothing,
    *,
    most_starts: int = 20,
) -> int:
    """Run the appliance, again each time that it was killed, and give its last exit code."""
    while True:
        rehearsal.start_appliance()
        code = rehearsal.follow(watch, seconds=LIMIT_SECONDS)
        if code != -9 or rehearsal.starts >= most_starts:
            return code


def last_states(rehearsal: Rehearsal) -> dict[str, str]:
    """Give what the last event said of every machine."""
    last = rehearsal.history[-1]
    assert last["kind"] == "run-ended"
    states: dict[str, str] = last["data"]["machines"]
    return states


def seen_counts(rehearsal: Rehearsal, machine: str) -> Counter[str]:
    """Count each kind of evidence of a machine, as boot.db has it: over all starts."""
    database = rehearsal.state / rehearsal.plan.site_id / "boot" / "boot.db"
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        rows = connection.execute(
            "SELECT seen FROM event WHERE kind='evidence' AND machine=?", (machine,)
        )
        return Counter(row[0] for row in rows)


def installs_on_disk(rehearsal: Rehearsal, machine: str) -> int:
    """Count the installations by what the machine itself said on its console."""
    console = rehearsal.machines[machine].console()
    return console.count("harvester-standin: install: disk partitioned")
