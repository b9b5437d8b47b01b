"""The verb `install`, as a process: what it refuses, and with which exit code."""

from __future__ import annotations

import subprocess
import sys

import pytest


def provision(*words: str, before: str = "") -> tuple[int, str]:
    """Run the command; give its exit code and what it says on standard error."""
    program = f"import os; {before}\nfrom appliance.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize("words", [("install", "--interface", "lo"), ("undo", "--laptop")])
def test_only_root_sets_up_the_laptop(words: tuple[str, ...]) -> None:
    """Exit 3: nothing was touched."""
    code, said = provision(*words, before="os.geteuid = lambda: 1000")

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
