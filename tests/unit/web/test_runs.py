"""Runs that the wizard starts: processes of their own, found by whoever looks, stopped cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from appliance.errors import BusyError, InputError, PreflightError, StepError
from appliance.flow.looking import look_at
from appliance.paths import Paths
from appliance.store.lock import hold
from appliance.web.runs import WITHDRAWN, Phase, Runs

SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
"""

CHILD = """
import pathlib, sys, threading
from appliance.flow.session import stopped_by_signals
from appliance.store.lock import hold
state = sys.argv[sys.argv.index("--state") + 1]
stop = threading.Event()
with hold(pathlib.Path(state, "alpha", "lock"), who="provision run", since="09:30"):
    with stopped_by_signals(stop):
        print('{"kind": "run-started", "text": "on"}', flush=True)
        stop.wait(120)
print('{"kind": "run-ended", "text": "interrupted"}', flush=True)
"""
"""Does in a run's place what it does at the lock, and nothing else."""


def wait_for(done: Callable[[], object], seconds: float = 60.0) -> None:
    """Wait till something is so."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site file."""
    path = tmp_path / "site.yaml"
    path.write_text(SITE)
    return path


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    """A laptop's state."""
    return Paths(tmp_path / "state")


@pytest.fixture
def child(tmp_path: Path) -> tuple[str, ...]:
    """A harmless program in the place of `provision`."""
    program = tmp_path / "child.py"
    program.write_text(CHILD)
    return (sys.executable, str(program))


@pytest.fixture
def runs(paths: Paths, child: tuple[str, ...]) -> Iterator[Runs]:
    """Runs of that harmless program, ended afterwards."""
    made = Runs(paths, "lo", program=child)
    yield made
    if made.now("alpha").phase is not Phase.IDLE:
        made.stop("alpha")
        wait_for(lambda: made.now("alpha").phase is Phase.IDLE)


def test_a_run_is_started_found_and_stopped(runs: Runs, site: Path) -> None:
    """From nothing to a run that holds the site, to its clean end; a second is refused."""
    assert runs.now("alpha").phase is Phase.IDLE
    pid = runs.start(site, "alpha")
    assert runs.now("alpha").phase in (Phase.STARTING, Phase.RUNNING)
    with pytest.raises(BusyError):
        runs.start(site, "alpha")
    wait_for(lambda: runs.now("alpha").phase is Phase.RUNNING)
    holder = runs.now("alpha").holder
    assert holder is not None
    assert holder.pid == pid
    with pytest.raises(BusyError, match="holds this site"), runs.quiet("alpha"):
        raise AssertionError("it is not quiet")
    with pytest.raises(BusyError, match="holds this site"):
        runs.start(site, "alpha")
    runs.stop("alpha")
    wait_for(lambda: runs.now("alpha").phase is Phase.IDLE)
    assert runs.refusal("alpha") is None
    with pytest.raises(InputError, match="no run goes on"):
        runs.stop("alpha")


def test_a_run_outlives_the_wizard(
    runs: Runs, site: Path, paths: Paths, child: tuple[str, ...]
) -> None:
    """The wizard is killed; its next start finds the run, and can stop it."""
    program = (
        "import sys, pathlib\n"
        "from appliance.paths import Paths\n"
        "from appliance.web.runs import Runs\n"
        "runs = Runs(Paths(pathlib.Path(sys.argv[1])), 'lo', program=sys.argv[3:])\n"
        "print(runs.start(pathlib.Path(sys.argv[2]), 'alpha'), flush=True)\n"
        "sys.stdin.read()\n"
    )
    wizard = subprocess.Popen(
        [sys.executable, "-c", program, str(paths.root), str(site), *child],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert wizard.stdout is not None
    pid = int(wizard.stdout.readline())
    os.killpg(wizard.pid, signal.SIGKILL)
    wizard.communicate()
    wait_for(lambda: runs.now("alpha").phase is Phase.RUNNING)
    holder = runs.now("alpha").holder
    assert holder is not None
    assert holder.pid == pid
    runs.stop("alpha")
    wait_for(lambda: runs.now("alpha").phase is Phase.IDLE)


def test_a_run_of_the_command_line_is_seen_and_another_command_is_not_stopped(
    runs: Runs, paths: Paths, site: Path
) -> None:
    """Whoever holds the site is named; only a run is ever stopped from here."""
    with hold(paths.site("alpha").lock, who="provision drift", since="09:30"):
        assert runs.now("alpha").phase is Phase.BUSY
        assert "provision drift" in runs.now("alpha").text
        with pytest.raises(InputError):
            runs.stop("alpha")
        with pytest.raises(BusyError):
            runs.start(site, "alpha")


def test_a_real_run_is_refused_with_the_commands_own_words(site: Path, paths: Paths) -> None:
    """No such interface, or no root: the words of `provision run`, with no journal yet."""
    runs = Runs(paths, "nosuch0")
    runs.start(site, "alpha")
    wait_for(lambda: runs.now("alpha").phase is Phase.IDLE)
    refused = runs.refusal("alpha")
    assert refused is not None
    assert refused["code"].startswith("BH2")
    assert not paths.site("alpha").database.exists()


def test_a_real_run_to_s1_ends_well_and_is_in_the_journal(site: Path, paths: Paths) -> None:
    """The very command, as the page starts it."""
    runs = Runs(paths, "lo")
    runs.start(site, "alpha", until="s1")
    wait_for(lambda: runs.now("alpha").phase is Phase.IDLE)
    assert runs.refusal("alpha") is None
    with look_at(site, paths).reading() as context:
        (run,) = context.journal.runs()
        assert (run.outcome, [each.name for each in context.journal.steps()]) == ("done", ["s1"])


def test_a_run_is_told_what_was_agreed_to_and_never_yes(site: Path, paths: Paths) -> None:
    """The clock, and the machines that were named; whatever else is asked ends the run."""
    show = "import json, sys; print(json.dumps({'kind': 'argv', 'text': ' '.join(sys.argv[1:])}))"
    runs = Runs(paths, "lo", program=(sys.executable, "-c", show))
    runs.start(site, "alpha", may_lose=("app1", "-x"))
    wait_for(lambda: runs.now("alpha").phase is Phase.IDLE)
    (said,) = runs._run("alpha").said()
    words = said["text"].split()
    assert words[:4] == ["run", str(site), "--json", "--clock-is-right"]
    assert {"--may-lose=app1", "--may-lose=-x"} <= set(words)
    assert "--yes" not in words


def test_files_are_imported_beside_any_run(site: Path, paths: Paths, tmp_path: Path) -> None:
    """A folder that is none is refused at once; an empty one by the command itself."""
    runs = Runs(paths)
    for wrong in ("stick", "/nosuch/folder", str(site)):
        with pytest.raises(InputError, match="no folder"):
            runs.start_fetch(site, "alpha", wrong)
    empty = tmp_path / "empty"
    empty.mkdir()
    with runs.quiet("alpha"):
        pass
    runs.start_fetch(site, "alpha", str(empty))
    with pytest.raises(BusyError, match="the files of this site are in use"), runs.quiet("alpha"):
        raise AssertionError("it is not quiet")
    wait_for(lambda: not runs.fetching("alpha"))
    found = runs.fetch_error("alpha")
    assert found is not None
    assert found["code"] == "BH300"
    assert runs.now("alpha").phase is Phase.IDLE


def test_what_ends_without_a_word_for_people_is_shown_as_it_is(site: Path, paths: Paths) -> None:
    """A program that breaks, or is not there, is an error with what is known of it."""
    runs = Runs(paths, program=(sys.executable, "-c", "raise SystemExit('all is lost')"))
    runs.start(site, "alpha")
    wait_for(lambda: runs.now("alpha").phase is Phase.IDLE)
    refused = runs.refusal("alpha")
    assert refused is not None
    assert refused["what"] == "all is lost"
    with pytest.raises(StepError):
        Runs(paths, program=("nosuchprogram",)).start(site, "alpha")


def test_what_was_confirmed_is_taken_back(runs: Runs, paths: Paths) -> None:
    """Nothing of what was confirmed before is left; a new word counts again."""
    with pytest.raises(PreflightError):
        runs.withdraw("alpha")
    paths.site("alpha").folder.mkdir(parents=True)
    runs.confirm("alpha", "a digest")
    runs.withdraw("alpha")
    assert runs.confirmed("alpha") == WITHDRAWN
    runs.confirm("alpha", "a digest")
    assert runs.confirmed("alpha") == "a digest"
