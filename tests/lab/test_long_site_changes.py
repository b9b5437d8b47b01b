"""A site of K3s grows, rests, is carried on by a second laptop, and is taken down."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from appliance.lab.appliance_process import EventDict
from appliance.lab.rehearsal import Rehearsal
from tests.lab.operating import (
    eventually,
    kubeconfig_of,
    on_the_switch_or_not,
    provision,
    put_address_back,
    ready_nodes,
)
from tests.lab.rehearsing import EXAMPLES, installs_on_disk, run_to_the_end, staged

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(3600),
]


def test_a_site_is_changed_carried_on_and_taken_down(tmp_path: Path) -> None:
    """Only what the site file says anew is touched, and no disk of a machine is erased."""
    site = tmp_path / "lab-k3s.yaml"
    shutil.copyfile(EXAMPLES / site.name, site)
    with staged(str(site)) as rehearsal:
        assert run_to_the_end(rehearsal) == 0
        kubeconfig = kubeconfig_of(rehearsal, tmp_path)
        assert ready_nodes(rehearsal, kubeconfig) == {"server1"}

        _an_agent_is_added(rehearsal)
        assert ready_nodes(rehearsal, kubeconfig) == {"server1", "agent1"}

        _change(site, "  agents: 1", "  agents: 1\n  active: false")
        assert run_to_the_end(rehearsal) == 0
        assert _running(rehearsal) == {"staging"}
        _change(site, "  active: false\n", "")
        assert run_to_the_end(rehearsal) == 0
        assert _running(rehearsal) == {"staging", "server1", "agent1"}
        both = {"server1", "agent1"}
        eventually(lambda: ready_nodes(rehearsal, kubeconfig) == both, "two nodes Ready")

        second = _a_second_laptop_takes_over(rehearsal, tmp_path)
        _it_is_taken_down(rehearsal, second)
        assert installs_on_disk(rehearsal, "hv1") == 1


def _an_agent_is_added(rehearsal: Rehearsal) -> None:
    _change(rehearsal.site, "  agents: 0", "  agents: 1")
    before = len(rehearsal.history)
    assert run_to_the_end(rehearsal) == 0
    told = rehearsal.history[before:]
    made = {e["machine"] for e in told if e["kind"] == "vm" and e["data"]["now"] == "created"}
    assert made == {"agent1"}
    joined = {e["machine"] for e in told if e["kind"] == "node" and e["data"]["now"] == "joined"}
    assert "agent1" in joined
    assert _changed_by_cluster(told) == {"agent1"}


def _changed_by_cluster(told: list[EventDict]) -> set[str]:
    return {
        str(each["machine"])
        for each in told
        if each["kind"] == "ansible"
        and each["step"] == "s7"
        and each["data"]["outcome"] == "changed"
    }


def _a_second_laptop_takes_over(rehearsal: Rehearsal, folder: Path) -> Path:
    """The first is lost; the second has its sealed state and the same files, and finds no drift."""
    passphrase, sealed = folder / "passphrase", folder / "site.sealed"
    passphrase.write_text("correct horse battery staple\n", "utf-8")
    words = ("--passphrase-file", str(passphrase))
    done = provision(rehearsal, "export", "state", str(rehearsal.site), str(sealed), *words)
    assert done.returncode == 0, done.stderr
    second = rehearsal.folder / "second"
    second.mkdir()
    (second / "depot").symlink_to(rehearsal.state / "depot")
    done = provision(rehearsal, "import", str(sealed), *words, state=second)
    assert done.returncode == 0, done.stderr
    put_address_back(rehearsal)
    drift = provision(rehearsal, "drift", str(rehearsal.site), state=second)
    assert (drift.returncode, drift.stdout.strip()) == (0, "all is as it was built")
    return second


def _it_is_taken_down(rehearsal: Rehearsal, state: Path) -> None:
    """Virtual machines are destroyed; the hypervisor is powered off with its disk as it was."""
    words = ("--site", "--yes", "--interface", rehearsal.network.interface)
    done = provision(rehearsal, "undo", str(rehearsal.site), *words, state=state)
    assert done.returncode == 0, done.stderr
    assert "hv1 is powered off, and forgotten" in done.stdout
    assert _running(rehearsal) == set()
    machine = rehearsal.machines["hv1"]
    eventually(lambda: not machine.is_on, "hv1 is off")
    machine.start()
    vip = f"https://{rehearsal.plan.hypervisor.vip}/ping"
    eventually(
        lambda: "pong" in on_the_switch_or_not(rehearsal, "curl", "-ks", vip), "hv1 from its disk"
    )


def _running(rehearsal: Rehearsal) -> set[str]:
    machines: dict[str, str] = rehearsal.hypervisor.status()["machines"]
    return {name for name, state in machines.items() if state == "Running"}


def _change(site: Path, old: str, new: str) -> None:
    text = site.read_text("utf-8")
    assert old in text
    site.write_text(text.replace(old, new), "utf-8")
