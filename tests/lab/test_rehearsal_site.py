"""The whole story: from a blank machine to a cluster, and the site lives on without the laptop."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.rehearsal import Rehearsal
from tests.lab.operating import (
    eventually,
    kubeconfig_of,
    on_the_switch,
    on_the_switch_or_not,
    provision,
    put_address_back,
    ready_nodes,
)
from tests.lab.rehearsing import installs_on_disk, last_states, run_to_the_end, staged

pytestmark = [pytest.mark.root, pytest.mark.rehearsal, pytest.mark.timeout(3600)]

_NODES = {"server1", "server2", "server3", "agent1"}


def test_a_site_is_made_and_lives_on_without_the_laptop(tmp_path: Path) -> None:
    """Four Ready nodes; nothing changes in a second run; then the laptop leaves and power fails.

    The API, look-ups, the time and an image of the site's registry are there again by themselves.
    """
    with staged("lab.yaml") as rehearsal:
        assert run_to_the_end(rehearsal) == 0
        assert last_states(rehearsal) == {"hv1": "ready"}
        assert [each["text"] for each in _events(rehearsal, "safe-to-unplug")] == ["safe to unplug"]
        kubeconfig = kubeconfig_of(rehearsal, tmp_path)
        assert ready_nodes(rehearsal, kubeconfig) == _NODES
        _second_run_changes_nothing(rehearsal)
        assert _drift(rehearsal) == (0, [])
        for name in (*_NODES, "staging", "app1"):
            assert _dynamic_addresses(rehearsal, name) == "0", f"{name} holds a lease"

        rehearsal.network.remove_adapter()
        _cut_power_and_restore(rehearsal)
        eventually(lambda: ready_nodes(rehearsal, kubeconfig) == _NODES, "four nodes Ready")
        assert installs_on_disk(rehearsal, "hv1") == 1
        staging = rehearsal.plan.staging
        assert staging is not None
        address = str(staging.address)
        named = on_the_switch(
            rehearsal, "dig", "+short", "+time=5", f"@{address}", "cluster.lab.internal"
        )
        assert len(named.split()) == 3
        back = on_the_switch(
            rehearsal, "dig", "+short", "+time=5", f"@{address}", "-x", "10.77.0.11"
        )
        assert back.strip() == "hv1.lab.internal."
        assert "s10 no-leap" in on_the_switch(rehearsal, "ntpdate", "-q", address)
        pulled = tmp_path / "pulled"
        image = f"docker://{address}:5000/site-hello:1"
        on_the_switch(rehearsal, "skopeo", "copy", "--src-tls-verify=false", image, f"dir:{pulled}")
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
    eventually(
        lambda: "pong" in on_the_switch_or_not(rehearsal, "curl", "-ks", f"https://{vip}/ping"),
        "VIP",
    )


def _events(rehearsal: Rehearsal, kind: str) -> list[dict[str, Any]]:
    return [each for each in rehearsal.history if each["kind"] == kind]


def _dynamic_addresses(rehearsal: Rehearsal, name: str) -> str:
    """Count the addresses of a machine that are somebody's lease: none can ever run out."""
    key = provision(rehearsal, "secret", str(rehearsal.site), "ssh-key").stdout
    file = rehearsal.folder / "ssh-key"
    file.touch(mode=0o600)
    file.write_text(key)
    address = rehearsal.plan.vm(name).address
    options = "StrictHostKeyChecking=no,UserKnownHostsFile=/dev/null,LogLevel=ERROR".split(",")
    ssh = ["ssh", "-i", str(file), *(word for each in options for word in ("-o", each))]
    command = "ip -4 address show | grep -c dynamic || true"
    return on_the_switch(rehearsal, *ssh, f"bridgehead@{address}", command).strip()


def _drift(rehearsal: Rehearsal) -> tuple[int, list[str]]:
    put_address_back(rehearsal)
    done = provision(rehearsal, "drift", str(rehearsal.site), "--json")
    return done.returncode, json.loads(done.stdout)["drift"]
