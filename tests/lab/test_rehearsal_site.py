"""The whole story: from a blank machine to a cluster, and the site lives on without the laptop."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.kubectl import find_kubectl
from appliance.lab.rehearsal import Rehearsal
from tests.lab.rehearsing import installs_on_disk, last_states, run_to_the_end, staged

pytestmark = [pytest.mark.root, pytest.mark.rehearsal, pytest.mark.timeout(3600)]

_NODES = {"server1", "server2", "server3", "agent1"}
_PATIENCE = 900.0


def test_a_site_is_made_and_lives_on_without_the_laptop(tmp_path: Path) -> None:
    """Four Ready nodes; nothing changes in a second run; then the laptop leaves and power fails.

    The API, look-ups, the time and an image of the site's registry are there again by themselves.
    """
    with staged("lab.yaml") as rehearsal:
        assert run_to_the_end(rehearsal) == 0
        assert last_states(rehearsal) == {"hv1": "ready"}
        assert [each["text"] for each in _events(rehearsal, "safe-to-unplug")] == ["safe to unplug"]
        kubeconfig = _kubeconfig(rehearsal, tmp_path)
        assert _ready_nodes(rehearsal, kubeconfig) == _NODES
        _second_run_changes_nothing(rehearsal)
        assert _drift(rehearsal) == (0, [])
        for name in (*_NODES, "staging", "app1"):
            assert _dynamic_addresses(rehearsal, name) == "0", f"{name} holds a lease"

        rehearsal.network.remove_adapter()
        _cut_power_and_restore(rehearsal)
        _eventually(lambda: _ready_nodes(rehearsal, kubeconfig) == _NODES, "four nodes Ready")
        assert installs_on_disk(rehearsal, "hv1") == 1
        staging = rehearsal.plan.staging
        assert staging is not None
        address = str(staging.address)
        named = _switch(
            rehearsal, "dig", "+short", "+time=5", f"@{address}", "cluster.lab.internal"
        )
        assert len(named.split()) == 3
        back = _switch(rehearsal, "dig", "+short", "+time=5", f"@{address}", "-x", "10.77.0.11")
        assert back.strip() == "hv1.lab.internal."
        assert "s10 no-leap" in _switch(rehearsal, "ntpdate", "-q", address)
        pulled = tmp_path / "pulled"
        image = f"docker://{address}:5000/site-hello:1"
        _switch(rehearsal, "skopeo", "copy", "--src-tls-verify=false", image, f"dir:{pulled}")
        assert (pulled / "manifest.json").exists()


def _second_run_changes_nothing(rehearsal: Rehearsal) -> None:
    before = len(rehearsal.history)
    assert run_to_the_end(rehearsal) == 0
    again = rehearsal.history[before:]
    skipped = {each["step"] for each in again if each["kind"] == "step-skipped"}
    assert {"s4", "s5", "s7"} <= skipped
    planned = [each["text"] for each in again if each["kind"] == "vms-planned"]
    assert planned == ["Terraform's plan: nothing to do"]
    changed = [
        each for each in again if each["kind"] == "ansible" and each["data"]["outcome"] == "changed"
    ]
    assert changed == []


def _cut_power_and_restore(rehearsal: Rehearsal) -> None:
    """All at once, as a power cut does; then the button of the one real machine."""
    rehearsal.hypervisor.kill()
    for machine in rehearsal.machines.values():
        machine.power_off()
    rehearsal.power_on()
    rehearsal.hypervisor.start()
    vip = rehearsal.plan.hypervisor.vip
    _eventually(
        lambda: "pong" in _switch_or_not(rehearsal, "curl", "-ks", f"https://{vip}/ping"), "VIP"
    )


def _eventually(holds: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end, f"not within {_PATIENCE:g} s: {what}"
        time.sleep(5)


def _events(rehearsal: Rehearsal, kind: str) -> list[dict[str, Any]]:
    return [each for each in rehearsal.history if each["kind"] == kind]


def _provision(rehearsal: Rehearsal, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a verb as the operator does, on the laptop."""
    network = rehearsal.network
    prefix = network.exec_prefix(network.appliance)
    command = [*prefix, sys.executable, "-m", "appliance.cli", *words]
    return subprocess.run(
        [*command, "--state", str(rehearsal.state)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def _kubeconfig(rehearsal: Rehearsal, folder: Path) -> Path:
    path = folder / "kubeconfig"
    done = _provision(rehearsal, "kubeconfig", str(rehearsal.site), "--out", str(path))
    assert done.returncode == 0, done.stderr
    return path


def _ready_nodes(rehearsal: Rehearsal, kubeconfig: Path) -> set[str]:
    """Ask with Debian's kubectl, from a place that is neither laptop nor machine."""
    words = ("--kubeconfig", str(kubeconfig), "--request-timeout=20s", "get", "nodes", "-o", "json")
    text = _switch_or_not(rehearsal, str(find_kubectl()), *words)
    nodes = json.loads(text)["items"] if text else []
    return {
        node["metadata"]["name"]
        for node in nodes
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def _dynamic_addresses(rehearsal: Rehearsal, name: str) -> str:
    """Count the addresses of a machine that are somebody's lease: none can ever run out."""
    key = _provision(rehearsal, "secret", str(rehearsal.site), "ssh-key").stdout
    file = rehearsal.folder / "ssh-key"
    file.touch(mode=0o600)
    file.write_text(key)
    address = rehearsal.plan.vm(name).address
    options = "StrictHostKeyChecking=no,UserKnownHostsFile=/dev/null,LogLevel=ERROR".split(",")
    ssh = ["ssh", "-i", str(file), *(word for each in options for word in ("-o", each))]
    command = "ip -4 address show | grep -c dynamic || true"
    return _switch(rehearsal, *ssh, f"bridgehead@{address}", command).strip()


def _drift(rehearsal: Rehearsal) -> tuple[int, list[str]]:
    # The laptop's address went with the run; it is put back for the look.
    main = rehearsal.plan.provisioning
    rehearsal.network.add_appliance_address(f"{main.bridge}/{main.cidr.prefixlen}")
    done = _provision(rehearsal, "drift", str(rehearsal.site), "--json")
    return done.returncode, json.loads(done.stdout)["drift"]


def _switch(rehearsal: Rehearsal, *words: str) -> str:
    network = rehearsal.network
    done = subprocess.run(
        [*network.exec_prefix(network.switch), *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{words}: {done.stdout} {done.stderr}"
    return done.stdout


def _switch_or_not(rehearsal: Rehearsal, *words: str) -> str:
    try:
        return _switch(rehearsal, *words)
    except AssertionError:
        return ""
