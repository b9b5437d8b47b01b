"""The verb `install`, as a process: what it refuses, and with which exit code."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


def provision(*words: str) -> tuple[int, str]:
    """Run the command; give its exit code and what it says on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "appliance.cli", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may")
@pytest.mark.parametrize("words", [("install", "--interface", "lo"), ("undo", "--laptop")])
def test_only_root_sets_up_the_laptop(words: tuple[str, ...]) -> None:
    """Exit 3: nothing was touched."""
    code, said = provision(*words)

    assert code == 3
    assert "needs root" in said


@pytest.mark.root
def test_a_missing_wheel_is_bad_input() -> None:
    """Exit 2, before anything is looked at."""
    code, said = provision("install", "--interface", "lo", "--wheel", "/nowhere.whl")

    assert code == 2
    assert "/nowhere.whl" in said


def test_undo_wants_to_know_what() -> None:
    """A site file, or the laptop's set-up."""
    code, said = provision("undo")

    assert code == 2
    assert "--laptop" in said
