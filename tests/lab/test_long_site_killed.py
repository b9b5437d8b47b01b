"""The second half is killed wherever it hurts, and run again: it ends the same, nothing twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.lab.appliance_process import EventDict
from appliance.lab.rehearsal import Rehearsal
from tests.lab.rehearsing import LIMIT_SECONDS, installs_on_disk, last_states, staged

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(5400),
]

_MOST_STARTS = 10


class Killer:
    """Kills Terraform, the appliance, ansible-playbook and a virtual machine, each once."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def watch(self, rehearsal: Rehearsal, event: EventDict) -> None:
        """Strike at the moment in which each is in the middle of its work."""
        kind, text, step = event["kind"], str(event.get("text")), event.get("step")
        if "terraform" not in self.done and "virtualmachine.this: Creating" in text:
            self._strike("terraform", _programs(rehearsal, ("tofu", "terraform")))
        elif "appliance" not in self.done and event.get("data", {}).get("now") == "answers":
            self.done.append("appliance")
            assert rehearsal.appliance is not None
            rehearsal.appliance.kill()
        elif kind == "ansible" and step == "s7":
            if "ansible" not in self.done:
                self._strike("ansible", _programs(rehearsal, ("ansible-playboo",)))
            elif "agent1" not in self.done:
                self.done.append("agent1")
                assert rehearsal.hypervisor.kill_machine("agent1")

    def _strike(self, name: str, processes: list[int]) -> None:
        if processes:
            self.done.append(name)
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


def _programs(rehearsal: Rehearsal, names: tuple[str, ...]) -> list[int]:
    """Give the processes of this rehearsal's appliance that run such a program."""
    network = rehearsal.network
    inside = Path(f"/run/netns/{network.appliance}").stat().st_ino
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            own = (folder / "ns" / "net").stat().st_ino
            if own == inside and (folder / "comm").read_text().strip() in names:
                found.append(int(folder.name))
    return found


def test_whatever_is_killed_the_site_ends_the_same() -> None:
    """Each VM is made once, the hypervisor installed once, and four nodes are in the cluster."""
    killer = Killer()
    with staged("lab.yaml") as rehearsal:
        code = -9
        while code != 0 and rehearsal.starts < _MOST_STARTS:
            rehearsal.start_appliance()
            code = rehearsal.follow(killer.watch, seconds=LIMIT_SECONDS)
        assert code == 0
        assert killer.done == ["terraform", "appliance", "ansible", "agent1"]
        assert last_states(rehearsal) == {"hv1": "ready"}
        assert installs_on_disk(rehearsal, "hv1") == 1
        told = Counter(
            event["machine"]
            for event in rehearsal.history
            if event["kind"] == "vm" and event["data"]["now"] == "created"
        )
        assert set(told.values()) <= {1}, told
        machines = rehearsal.folder / "hypervisor" / "machines"
        assert sorted(each.name for each in machines.iterdir()) == sorted(
            f"default.{vm.name}" for vm in rehearsal.plan.vms
        )
        joined = {
            event["machine"]
            for event in rehearsal.history
            if event["kind"] == "node" and event["data"]["now"] == "joined"
        }
        assert joined == {"server1", "server2", "server3", "agent1"}
        assert [e for e in rehearsal.history if e["kind"] == "safe-to-unplug"]
