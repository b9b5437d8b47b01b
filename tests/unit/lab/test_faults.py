"""Faults happen at the moment the console shows, or say that it never came."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from appliance.errors import DeadlineError
from appliance.lab import faults
from appliance.lab.machine import Machine, MachineSpec
from appliance.lab.network import LabNetwork
from appliance.values import Mac


class _Told(Machine):
    """A machine whose console tells the next line each time it is waited for."""

    def __init__(self, folder: Path, lines: list[str]) -> None:
        super().__init__(MachineSpec("hv1", (Mac.parse("52:54:00:12:34:56"),)), folder, ["t0"])
        folder.mkdir()
        self.paths.console.write_text("before\n")
        self.lines = lines
        self.acts: list[str] = []

    def wait_for(self, marker: str, timeout_s: float, *, after: int = 0) -> bool:
        del timeout_s
        while self.lines and marker not in self.console()[after:]:
            with self.paths.console.open("a") as console:
                console.write(self.lines.pop(0) + "\n")
        return marker in self.console()[after:]

    def power_cycle(self) -> None:
        self.acts.append(f"cycled after {self.console().splitlines()[-1]}")


@dataclass(slots=True)
class _Cable(LabNetwork):
    machine: _Told | None = None
    acts: list[str] = field(default_factory=list)

    def _note(self, act: str) -> None:
        last = self.machine.console().splitlines()[-1] if self.machine else ""
        self.acts.append(f"{act} {last}".strip())

    def unplug(self) -> None:
        self._note("out")

    def replug(self) -> None:
        self._note("in")

    def remove_adapter(self) -> None:
        self._note("removed")

    def insert_adapter(self) -> None:
        self._note("inserted")


def test_the_power_goes_at_the_marker(tmp_path: Path) -> None:
    """Not before it, and not for one that an earlier start had shown."""
    machine = _Told(tmp_path / "hv1", ["other", faults.DISK_PARTITIONED, "later"])
    faults.cut_power_at(machine, faults.DISK_PARTITIONED, 1)
    assert machine.acts == [f"cycled after {faults.DISK_PARTITIONED}"]


def test_a_moment_that_does_not_come_is_told(tmp_path: Path) -> None:
    """With the last line of the console."""
    machine = _Told(tmp_path / "hv1", ["harvester-standin: refused: x"])
    with pytest.raises(DeadlineError, match="refused: x"):
        faults.cut_power_at(machine, faults.INSTALLED, 1)
    assert machine.acts == []


def test_the_report_is_lost_between_copy_and_giving_up(tmp_path: Path) -> None:
    """The cable is out exactly as long."""
    machine = _Told(tmp_path / "hv1", [faults.SYSTEM_COPIED, "x", faults.REPORT_LOST, "y"])
    cable = _Cable("x", "prov0", machine=machine)
    faults.lose_success_report(cable, machine, 1)
    assert cable.acts == [f"out {faults.SYSTEM_COPIED}", f"in {faults.REPORT_LOST}"]


def test_the_cable_is_back_even_when_the_block_fails() -> None:
    """Also the adapter."""
    cable = _Cable("x", "prov0")
    with pytest.raises(RuntimeError), faults.unplugged(cable):
        raise RuntimeError
    with pytest.raises(RuntimeError), faults.adapter_removed(cable):
        raise RuntimeError
    assert cable.acts == ["out", "in", "removed", "inserted"]
