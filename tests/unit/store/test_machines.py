"""What is proven of a machine stays proven until a reinstallation is ordered."""

from __future__ import annotations

from pathlib import Path

from appliance.store.database import open_database
from appliance.store.machines import Proven, ProvenMachines


def test_nothing_is_proven_of_an_unheard_of_machine(tmp_path: Path) -> None:
    """It is not installed, and never was."""
    assert ProvenMachines(open_database(tmp_path / "main.db")).get("hv1") == Proven("hv1")


def test_what_is_proven_is_read_by_the_next_process(tmp_path: Path) -> None:
    """Each write is there for another connection; each machine stands alone."""
    path = tmp_path / "main.db"
    machines = ProvenMachines(open_database(path))
    proven = Proven("hv1", installed=10.0, ready=20.5, installs=2, record={"state": "ready"})
    machines.put(Proven("hv1", installed=10.0))
    machines.put(proven)
    machines.put(Proven("hv2"))
    again = ProvenMachines(open_database(path))
    assert again.get("hv1") == proven
    again.forget("hv1")
    assert machines.get("hv1") == Proven("hv1")
    assert machines.get("hv2") == Proven("hv2")
