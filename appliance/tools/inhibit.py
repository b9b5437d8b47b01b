"""While a machine is armed the laptop does not go to sleep."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

_HOLD = "read -r line"  # ends when its standard input closes, also when we are killed


@contextmanager
def no_sleep(why: str) -> Iterator[bool]:
    """Keep the laptop awake for the time of the block, also with its lid closed.

    Gives whether that is so: it needs systemd-inhibit and a running logind.
    """
    inhibit = shutil.which("systemd-inhibit")
    if inhibit is None:
        yield False
        return
    argv = [inhibit, "--what=sleep:idle:handle-lid-switch", "--who=Bridgehead", f"--why={why}"]
    child = subprocess.Popen(  # noqa: TID251 - it runs beside us, till its input closes
        [*argv, "sh", "-c", _HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        try:
            child.wait(timeout=0.3)
            holds = False
        except subprocess.TimeoutExpired:
            holds = True
        yield holds
    finally:
        if child.stdin is not None:
            child.stdin.close()
        try:
            child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
