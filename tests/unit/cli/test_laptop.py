"""The verb `install`, as a process: what it refuses, and with which exit code."""

from __future__ import annotations

import pytest

from tests.unit.cli.running import provision


@pytest.mark.parametrize("words", [("install", "--interface", "lo"), ("undo", "--laptop")])
def test_only_root_sets_up_the_laptop(words: tuple[str, ...]) -> None:
    """Exit 3: nothing was touched."""
    code, _, said = provision(*words, before="import os; os.geteuid = lambda: 1000")

    assert code == 3
    assert "needs root" in said


@pytest.mark.root
def test_a_missing_wheel_is_bad_input() -> None:
    """Exit 2, before anything is looked at."""
    code, _, said = provision("install", "--interface", "lo", "--wheel", "/nowhere.whl")

    assert code == 2
    assert "/nowhere.whl" in said


def test_undo_wants_to_know_what() -> None:
    """A site file, or the laptop's set-up."""
    code, _, said = provision("undo")

    assert code == 2
    assert "--laptop" in said
