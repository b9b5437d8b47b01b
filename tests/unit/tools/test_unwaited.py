"""Calls on threads that nobody waits for."""

from __future__ import annotations

import subprocess
import sys

import pytest

from appliance.tools.unwaited import start


def test_what_a_call_gives_or_raises_is_in_its_future() -> None:
    """What is no ordinary error too: nothing is lost on a thread."""
    assert start(lambda: 7, name="seven").result(timeout=60) == 7

    def leave() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        start(leave, name="leaves").result(timeout=60)


def test_a_program_ends_while_a_call_goes_on() -> None:
    """It would wait for ever for a thread of an executor."""
    program = (
        "import threading; from appliance.tools.unwaited import start; "
        "start(threading.Event().wait, name='hangs'); print('ended')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout == "ended\n"
