"""`provision` as a process of its own, as people call it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def provision(*words: str | Path, before: str = "") -> tuple[int, str, str]:
    """Run a verb; give its exit code and what it said. No verb may end with a traceback.

    `before`: Python that is run in the same process first.
    """
    program = f"{before}\nfrom appliance.cli.main import main; main()"
    command = ("-c", program) if before else ("-m", "appliance.cli")
    done = subprocess.run(
        [sys.executable, *command, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def started(*words: str | Path) -> subprocess.Popen[str]:
    """Start a verb, to be sent signals; it is for the caller to wait for it."""
    return subprocess.Popen(
        [sys.executable, "-m", "appliance.cli", *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
