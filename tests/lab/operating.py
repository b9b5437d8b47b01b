"""What an operator does beside a rehearsal: verbs on the laptop, foreign clients elsewhere."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from appliance.lab.kubectl import find_kubectl
from appliance.lab.rehearsal import Rehearsal

PATIENCE_SECONDS = 900.0


def provision(
    rehearsal: Rehearsal, *words: str, state: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a verb as the operator does, on the laptop."""
    network = rehearsal.network
    prefix = network.exec_prefix(network.appliance)
    command = [*prefix, sys.executable, "-m", "appliance.cli", *words]
    return subprocess.run(
        [*command, "--state", str(state or rehearsal.state)],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def put_address_back(rehearsal: Rehearsal) -> None:
    """Give the laptop the address that went with the run."""
    main = rehearsal.plan.provisioning
    rehearsal.network.add_appliance_address(f"{main.bridge}/{main.cidr.prefixlen}")


def kubeconfig_of(rehearsal: Rehearsal, folder: Path) -> Path:
    """Have the cluster's kubeconfig written."""
    path = folder / "kubeconfig"
    done = provision(rehearsal, "kubeconfig", str(rehearsal.site), "--out", str(path))
    assert done.returncode == 0, done.stderr
    return path


def ready_nodes(rehearsal: Rehearsal, kubeconfig: Path) -> set[str]:
    """Ask with Debian's kubectl, from a place that is neither laptop nor machine."""
    words = ("--kubeconfig", str(kubeconfig), "--request-timeout=20s", "get", "nodes", "-o", "json")
    text = on_the_switch_or_not(rehearsal, str(find_kubectl()), *words)
    nodes = json.loads(text)["items"] if text else []
    return {
        node["metadata"]["name"]
        for node in nodes
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready" and condition["status"] == "True"
    }


def eventually(holds: Callable[[], bool], what: str) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < end, f"not within {PATIENCE_SECONDS:g} s: {what}"
        time.sleep(5)


def on_the_switch(rehearsal: Rehearsal, *words: str) -> str:
    """Run a program beside the machines, which must succeed; give what it said."""
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


def on_the_switch_or_not(rehearsal: Rehearsal, *words: str) -> str:
    """The same; nothing where it fails."""
    try:
        return on_the_switch(rehearsal, *words)
    except AssertionError:
        return ""
