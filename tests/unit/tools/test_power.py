"""Mains or battery, from what a kernel shows of its supplies."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.tools.power import on_battery


def _supply(folder: Path, name: str, **said: str) -> None:
    (folder / name).mkdir()
    for key, text in said.items():
        (folder / name / key).write_text(f"{text}\n")


@pytest.mark.parametrize(
    ("online", "status", "expected"),
    [
        ("1", "Charging", False),
        ("0", "Discharging", True),
        ("1", "Discharging", False),
        ("0", "Full", False),
    ],
)
def test_a_laptop_with_both(tmp_path: Path, online: str, status: str, *, expected: bool) -> None:
    """Only a battery that is emptied, with the mains off, is one to warn of."""
    _supply(tmp_path, "AC", type="Mains", online=online)
    _supply(tmp_path, "BAT0", type="Battery", status=status)
    assert on_battery(tmp_path) is expected


def test_a_computer_without_battery(tmp_path: Path) -> None:
    """Nothing is said of it, nor where the kernel shows nothing."""
    _supply(tmp_path, "broken")
    assert not on_battery(tmp_path)
    assert not on_battery(tmp_path / "none")
