"""What all of the lab's QEMU processes have in common; one that has nothing to boot is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import MachineError
from appliance.lab.qemu import QemuPaths, QemuProcess, common_arguments


class _Empty(QemuProcess):
    """A machine with nothing in it: it says so on its screen and waits."""

    def _words(self) -> list[str]:
        return common_arguments("empty", self._files, cpus=1, memory_mib=64, smm=False)

    def _furnish(self) -> None:
        (self._files.folder / "furnished").touch()


class _Wrong(_Empty):
    """A machine that QEMU will not start."""

    def _words(self) -> list[str]:
        return [*super()._words(), "-device", "no-such-device"]


def test_every_machine_emulates() -> None:
    """KVM is never asked for, and the console is a file that grows."""
    line = " ".join(
        common_arguments("a", QemuPaths(Path("/lab/a")), cpus=1, memory_mib=64, smm=True)
    )
    assert "-accel tcg" in line
    assert "kvm" not in line
    assert "smm=on" in line
    assert "path=/lab/a/console.log,append=on" in line


def test_a_machine_is_started_asked_and_ended(tmp_path: Path) -> None:
    """It has a process while it is on, and afterwards tells how it ended: by a signal."""
    machine = _Empty("empty", QemuPaths(tmp_path / "a"), limit_s=60)
    with machine:
        machine.start()
        assert (machine.is_on, machine.exit_code) == (True, None)
        assert machine.ask("query-status")["running"] is True
        with pytest.raises(MachineError, match="refused no-such-command"):
            machine.ask("no-such-command")
    assert (machine.is_on, machine.exit_code) == (False, -9)
    assert (tmp_path / "a" / "furnished").exists()
    assert machine.console() == ""


def test_a_machine_that_does_not_start_says_what_qemu_said(tmp_path: Path) -> None:
    """The last lines of QEMU's own words are the reason."""
    machine = _Wrong("wrong", QemuPaths(tmp_path / "a"), limit_s=60)
    with pytest.raises(MachineError, match="no-such-device"):
        machine.start()
    assert not machine.is_on


def test_a_machine_that_stays_on_too_long_is_ended(tmp_path: Path) -> None:
    """The time limit is the machine's own, counted from its start."""
    machine = _Empty("empty", QemuPaths(tmp_path / "a"), limit_s=0.5)
    machine.start()
    assert machine.wait(60)
    assert machine.timed_out
