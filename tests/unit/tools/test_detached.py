"""Programs that outlive their starter, and are found again by the next one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from appliance.errors import BusyError, StepError
from appliance.tools.detached import Detached

_TALKS = "import sys, time; print('{\"kind\": \"a\"}'); print('plain', flush=True); time.sleep(60)"
_STARTER = """
import pathlib, sys
from appliance.tools.detached import Detached
print(Detached(pathlib.Path(sys.argv[1])).start([sys.executable, "-c", sys.argv[2]]))
"""


def _wait(done: object, seconds: float = 20.0) -> None:
    assert callable(done)
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_it_outlives_its_starter_and_is_found_by_the_next(tmp_path: Path) -> None:
    """The starter ends at once; another process finds the child, its words, and sees its end."""
    job = Detached(tmp_path / "site" / "run.log")
    assert job.pid() is None
    assert job.began() is None
    argv = [sys.executable, "-c", _STARTER, str(job.log), _TALKS]
    started = subprocess.run(argv, check=True, capture_output=True, text=True, timeout=60)
    pid = int(started.stdout)
    try:
        assert job.pid() == pid
        assert os.getsid(pid) == pid
        assert job.began() == job.log.with_suffix(".pid").stat().st_mtime
        _wait(lambda: len(job.said()) == 2)
        assert job.said() == ({"kind": "a"}, {"text": "plain"})
        with pytest.raises(BusyError):
            job.start([sys.executable, "-c", "print()"])
        assert len(job.said()) == 2
    finally:
        os.kill(pid, signal.SIGKILL)
    _wait(lambda: job.pid() is None)
    assert job.log.stat().st_mode & 0o077 == 0


def test_the_next_one_begins_with_an_empty_file(tmp_path: Path) -> None:
    """What is shown is of the last that was started."""
    job = Detached(tmp_path / "run.log")
    for word in ("one", "two"):
        job.start([sys.executable, "-c", f"print('{word}')"])
        _wait(lambda: job.pid() is None and job.said())
    assert job.said() == ({"text": "two"},)


def test_a_program_that_is_missing_is_said(tmp_path: Path) -> None:
    """And nothing runs afterwards."""
    job = Detached(tmp_path / "run.log")
    with pytest.raises(StepError, match="nosuchprogram"):
        job.start(["nosuchprogram"])
    assert job.pid() is None


def test_only_the_end_of_a_long_file_is_read(tmp_path: Path) -> None:
    """A run of days has written much; half a line is not shown as a line."""
    job = Detached(tmp_path / "run.log")
    job.log.write_text("".join(f'{{"id": {number}}}\n' for number in range(40000)))
    said = job.said()
    assert said[-1] == {"id": 39999}
    assert 1000 < len(said) < 40000
    assert all("id" in each for each in said)
