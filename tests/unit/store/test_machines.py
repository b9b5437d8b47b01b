"""What is proven of a machine stays proven until a reinstallation is ordered."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

from appliance.store.machines import Proven, ProvenMachines

Open = Callable[[Path], sqlite3.Connection]


def test_nothing_is_proven_of_an_unheard_of_machine(tmp_path: Path, opened: Open) -> None:
    """It is not installed, and never was."""
    assert ProvenMachines(opened(tmp_path / "main.db")).get("hv1") == Proven("hv1")


def test_what_is_proven_is_read_by_the_next_process(tmp_path: Path, opened: Open) -> None:
    """Each write is there for another connection; each machine stands alone."""
    path = tmp_path / "main.db"
    machines = ProvenMachines(opened(path))
    proven = Proven("hv1", installed=10.0, ready=20.5, installs=2, record={"state": "ready"})
    machines.put(Proven("hv1", installed=10.0))
    machines.put(proven)
    machines.put(Proven("hv2"))
    again = ProvenMachines(opened(path))
    assert again.get("hv1") == proven
    again.forget("hv1")
    assert machines.get("hv1") == Proven("hv1")
    assert machines.get("hv2") == Proven("hv2")
