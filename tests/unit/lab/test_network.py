"""The rehearsal's network: two namespaces, one cable, and nothing left of them afterwards."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import InputError, LabNetworkError
from appliance.lab import network
from appliance.lab.network import LabNetwork, create, exec_prefix, sweep

ROOT = Path(__file__).resolve().parents[3]


def _id() -> str:
    return uuid.uuid4().hex[:8]


def _link(namespace: str, name: str) -> dict[str, Any]:
    words = ["ip", "-j", "-n", namespace, "link", "show", name]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout)[0]
    return found


def _namespaces() -> set[str]:
    done = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True)
    return {line.split()[0] for line in done.stdout.splitlines()}


def _ping(lab: LabNetwork, address: str) -> bool:
    words = ["python3", "-c", f"import socket; socket.create_connection(('{address}', 9), 2)"]
    done = subprocess.run(
        [*exec_prefix(lab.appliance), *words], check=False, capture_output=True, text=True
    )
    return "Connection refused" in done.stderr  # an answer from the other side


@pytest.mark.parametrize(
    ("rehearsal_id", "interface"),
    [("", "prov0"), ("toolong99", "prov0"), ("../x", "prov0"), ("ok", "a" * 16), ("ok", "-x")],
)
def test_names_that_would_not_fit_are_refused(rehearsal_id: str, interface: str) -> None:
    """Nothing is made for them."""
    with pytest.raises(InputError), create(rehearsal_id, interface):
        pass


@pytest.mark.root
def test_the_appliance_reaches_the_switch_and_nothing_else() -> None:
    """The cable carries, IPv6 is off in both, and the interface has the name asked for."""
    with create(_id(), "prov0") as lab:
        lab.add_appliance_address("10.98.0.1/24")
        lab.add_switch_address("10.98.0.2/24")
        assert _ping(lab, "10.98.0.2")
        assert not _ping(lab, "10.97.0.2")
        for namespace in (lab.switch, lab.appliance):
            words = ["cat", "/proc/sys/net/ipv6/conf/all/disable_ipv6"]
            said = subprocess.run(
                [*lab.exec_prefix(namespace), *words], check=True, capture_output=True, text=True
            )
            assert said.stdout.strip() == "1"


@pytest.mark.root
def test_a_pulled_cable_takes_the_carrier_and_not_the_address() -> None:
    """Back in, the same interface with the same address carries again."""
    with create(_id(), "prov0") as lab:
        lab.add_appliance_address("10.98.0.1/24")
        lab.add_switch_address("10.98.0.2/24")
        index = _link(lab.appliance, "prov0")["ifindex"]
        lab.unplug()
        assert "NO-CARRIER" in _link(lab.appliance, "prov0")["flags"]
        assert not _ping(lab, "10.98.0.2")
        lab.replug()
        assert "LOWER_UP" in _link(lab.appliance, "prov0")["flags"]
        # The neighbour table remembers the failure for a moment.
        assert any(_ping(lab, "10.98.0.2") for _ in range(20))
        assert _link(lab.appliance, "prov0")["ifindex"] == index


@pytest.mark.root
def test_a_pulled_adapter_comes_back_as_another_interface() -> None:
    """The name is the same; the index is new and the address is gone."""
    with create(_id(), "prov0") as lab:
        index = _link(lab.appliance, "prov0")["ifindex"]
        lab.remove_adapter()
        with pytest.raises(subprocess.CalledProcessError):
            _link(lab.appliance, "prov0")
        lab.insert_adapter()
        assert _link(lab.appliance, "prov0")["ifindex"] != index


@pytest.mark.root
def test_a_tap_is_a_port_of_the_switch() -> None:
    """It is up and its master is the bridge."""
    with create(_id(), "prov0") as lab:
        assert lab.add_tap("t0") == "t0"
        assert _link(lab.switch, "t0")["master"] == "br0"
        assert lab.taps == ["t0"]


def _interrupt_while_there(names: set[str]) -> None:
    assert names <= _namespaces()
    raise KeyboardInterrupt


@pytest.mark.root
def test_nothing_is_left_after_a_fault() -> None:
    """An exception and a half-built network take both namespaces with them."""
    rehearsal_id = _id()
    names = {f"bh-{rehearsal_id}-sw", f"bh-{rehearsal_id}-ap"}
    with pytest.raises(KeyboardInterrupt), create(rehearsal_id, "prov0"):
        _interrupt_while_there(names)
    assert not names & _namespaces()
    with pytest.raises(LabNetworkError, match="br0"), create(rehearsal_id, "prov0") as lab:
        lab.add_tap("br0")
    assert not names & _namespaces()


@pytest.mark.root
def test_one_id_is_one_rehearsal() -> None:
    """A second one of the same id is refused and harms the first in nothing."""
    rehearsal_id = _id()
    with create(rehearsal_id, "prov0") as lab:
        with pytest.raises(LabNetworkError, match="running already"), create(rehearsal_id, "p1"):
            pass
        assert lab.switch in _namespaces()


@pytest.mark.root
def test_what_a_killed_rehearsal_left_is_swept() -> None:
    """kill -9 leaves the namespaces; sweep takes them, and leaves a living rehearsal alone."""
    dead, alive = _id(), _id()
    code = (
        "import os; from appliance.lab.network import create\n"
        f"with create('{dead}', 'prov0'): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert {f"bh-{dead}-sw", f"bh-{dead}-ap"} <= _namespaces()
    with create(alive, "prov0") as lab:
        swept = sweep()
        assert alive not in swept
        assert lab.switch in _namespaces()
    assert not {f"bh-{dead}-sw", f"bh-{dead}-ap"} & _namespaces()


def test_a_process_that_is_gone_has_no_start_time() -> None:
    """Process ids are used again: the start time tells one from the next."""
    done = subprocess.Popen(["true"])
    done.wait()
    assert network._start_time(done.pid) == ""
