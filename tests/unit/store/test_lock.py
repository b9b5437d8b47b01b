"""One run a site: the second is told who holds it, and a dead holder holds nothing."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import BusyError, PreflightError
from appliance.store.lock import hold, holder_of

HOLDER = """
import pathlib, sys
from appliance.store.lock import hold
with hold(pathlib.Path(sys.argv[1]), who="the other run", since="09:30"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A lock that is not there yet, in a folder that is not either."""
    return tmp_path / "alpha" / "lock"


def other(path: Path) -> subprocess.Popen[str]:
    """Start another process that holds the lock, and wait until it does."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_is_told_who_holds_it_until_kill_9_frees_it(path: Path) -> None:
    """The kernel drops the lock of a killed process; nothing is to be cleaned up."""
    holder = other(path)
    try:
        with pytest.raises(BusyError) as caught, hold(path, who="me", since="10:00"):
            pytest.fail("two hold the same site")
        assert f"process {holder.pid}, the other run, since 09:30" in caught.value.why
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.communicate()
    with hold(path, who="me", since="10:00"):
        assert f'"pid": {os.getpid()}' in path.read_text()


def test_an_ended_block_frees_the_site(path: Path) -> None:
    """Well or badly ended."""
    with pytest.raises(KeyError), hold(path, who="me", since=""):
        raise KeyError
    with hold(path, who="me", since=""):
        pass
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_started_program_does_not_inherit_the_lock(path: Path) -> None:
    """What a run starts may outlive it, and must not hold the site then."""
    with hold(path, who="me", since=""):
        child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        with hold(path, who="me again", since=""):
            assert child.poll() is None
    finally:
        child.communicate(b"\n")


@pytest.mark.parametrize("text", ["", "nonsense", "[1]", '{"pid": 1}', "\xff"])
def test_a_holder_that_says_nothing_is_a_holder_too(path: Path, text: str) -> None:
    """A lock between being taken and being described is still held."""
    holder = other(path)
    try:
        path.write_text(text, encoding="latin-1")
        with pytest.raises(BusyError, match="has not said who it is"), hold(path, who="", since=""):
            pytest.fail("two hold the same site")
    finally:
        holder.communicate("")


def test_a_lock_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """With its place and what to do."""
    (tmp_path / "alpha").write_text("")
    with (
        pytest.raises(PreflightError, match="cannot be locked"),
        hold(tmp_path / "alpha" / "lock", who="", since=""),
    ):
        pytest.fail("there is no lock to hold")


def test_a_look_says_who_holds_the_site_and_takes_nothing(path: Path) -> None:
    """What a dead holder wrote is not believed; nobody is refused because somebody looked."""
    assert holder_of(path) is None
    process = other(path)
    try:
        found = holder_of(path)
        assert found is not None
        assert (found.pid, found.who, found.since) == (process.pid, "the other run", "09:30")
    finally:
        process.kill()
        process.communicate()
    assert "the other run" in path.read_text()
    assert holder_of(path) is None
    path.write_text('{"pid": 1}')
    assert holder_of(path) is None
