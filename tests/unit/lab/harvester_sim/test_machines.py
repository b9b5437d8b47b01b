"""What is done for a machine, round by round; `test_sim.py` shows it with machines that run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.admission import admit
from appliance.lab.harvester_sim.faults import Faults
from appliance.lab.harvester_sim.hardware import Hardware
from appliance.lab.harvester_sim.images import Images
from appliance.lab.harvester_sim.machines import Machines
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.refusals import RefusedError
from appliance.lab.harvester_sim.volumes import Volumes
from tests.unit.lab.harvester_sim.parts import Machine

Json = dict[str, Any]


@pytest.fixture
def nodes() -> list[str]:
    """One node, ready."""
    return ["hv1"]


@pytest.fixture
def machines(store: ObjectStore, tmp_path: Path, nodes: list[str]) -> Machines:
    """Machines that nothing looks after by itself."""
    volumes = Volumes(store, Images(store, tmp_path / "images", Faults()), tmp_path / "volumes")
    hardware = Hardware(store, volumes, Faults(), tmp_path / "machines", bridge="")
    return Machines(store, hardware, None, nodes=lambda: nodes, limit_s=60)


def make(store: ObjectStore, body: Json) -> None:
    """Write a machine."""
    admit(store, kinds.MACHINE, body, None)
    store.create(kinds.MACHINE, body)


def status(store: ObjectStore) -> Json:
    """Give a machine's status."""
    found: Json = store.get(kinds.MACHINE, "default", "vm1")["status"]
    return found


def ready(store: ObjectStore) -> str:
    """Give the words of the condition Ready."""
    return next(str(c["message"]) for c in status(store)["conditions"] if c["type"] == "Ready")


def test_a_machine_that_is_halted_has_no_instance(
    store: ObjectStore, machines: Machines, machine: Machine
) -> None:
    """Stopped; neither stopped nor restarted again; started when asked."""
    make(store, machine(strategy="Halted"))
    machines.look()
    assert status(store)["printableStatus"] == "Stopped"
    assert store.find(kinds.INSTANCE, "default", "vm1") is None
    for action in ("stop", "restart"):
        with pytest.raises(RefusedError, match="VM is not running"):
            machines.act(action, "default", "vm1")
    machines.act("start", "default", "vm1")
    machines.look()
    assert store.get(kinds.MACHINE, "default", "vm1")["spec"]["runStrategy"] == "RerunOnFailure"
    assert store.find(kinds.INSTANCE, "default", "vm1") is not None


def test_a_machine_by_hand_waits_for_the_hand(
    store: ObjectStore, machines: Machines, machine: Machine
) -> None:
    """Manual: nothing until a start is asked for, and nothing after a stop."""
    make(store, machine(strategy="Manual"))
    machines.look()
    assert store.find(kinds.INSTANCE, "default", "vm1") is None
    machines.act("start", "default", "vm1")
    machines.look()
    assert store.find(kinds.INSTANCE, "default", "vm1") is not None
    machines.act("stop", "default", "vm1")
    machines.look()
    assert store.find(kinds.INSTANCE, "default", "vm1") is None


def test_a_machine_without_its_image_waits(
    store: ObjectStore, machines: Machines, machine: Machine
) -> None:
    """Its class is not there: the claim is not made, and the machine says so."""
    make(store, machine())
    machines.look()
    machines.look()
    assert status(store)["printableStatus"] == "ErrorPvcNotFound"
    assert "PVC default/vm1-disk not found" in ready(store)
    instance = store.get(kinds.INSTANCE, "default", "vm1")
    assert instance["status"]["phase"] == "Scheduling"
    assert machines.running() == []


def test_a_machine_without_a_node_waits(
    store: ObjectStore, machines: Machines, machine: Machine, nodes: list[str]
) -> None:
    """So does one that asks for a device that no node has."""
    nodes.clear()
    make(store, machine())
    machines.look()
    assert status(store)["printableStatus"] == "ErrorUnschedulable"
    assert "0 nodes are available" in ready(store)
    nodes.append("hv1")
    body = store.get(kinds.MACHINE, "default", "vm1")
    devices = body["spec"]["template"]["spec"]["domain"]["devices"]
    devices["hostDevices"] = [{"name": "gpu", "deviceName": "nvidia.com/X"}]
    store.replace(kinds.MACHINE, body)
    machines.look()
    assert "0/1 nodes are available: Insufficient nvidia.com/X." in ready(store)


def test_a_changed_machine_that_runs_says_that_it_is_to_be_restarted(
    store: ObjectStore, machines: Machines, machine: Machine
) -> None:
    """RestartRequired."""
    make(store, machine())
    machines.look()
    body = store.get(kinds.MACHINE, "default", "vm1")
    body["spec"]["template"]["spec"]["domain"]["cpu"]["cores"] = 2
    store.replace(kinds.MACHINE, body)
    machines.look()
    conditions = {c["type"]: c["status"] for c in status(store)["conditions"]}
    assert conditions["RestartRequired"] == "True"


def test_nothing_is_written_while_nothing_happens(
    store: ObjectStore, machines: Machines, machine: Machine
) -> None:
    """Two rounds leave the version where it was: nobody who replaces an object meets a conflict."""
    make(store, machine())
    machines.look()
    machines.look()
    version = store.version
    machines.look()
    assert store.version == version


def test_a_deleted_machine_takes_with_it_what_it_names(
    store: ObjectStore, machines: Machines, machine: Machine
) -> None:
    """A volume that it does not name stays."""
    body = machine()
    body["metadata"]["annotations"]["harvesterhci.io/removedPersistentVolumeClaims"] = "vm1-disk"
    make(store, body)
    for name in ("vm1-disk", "kept"):
        meta = {"name": name, "namespace": "default"}
        spec = {"resources": {"requests": {"storage": "1Mi"}}}
        store.create(kinds.CLAIM, {"metadata": meta, "spec": spec})
    machines.look()
    assert machines.running() == ["vm1"]
    store.delete(kinds.MACHINE, "default", "vm1")
    machines.look()
    assert store.find(kinds.MACHINE, "default", "vm1") is None
    assert store.find(kinds.INSTANCE, "default", "vm1") is None
    assert [claim["metadata"]["name"] for claim in store.all(kinds.CLAIM)] == ["kept"]


def test_an_odd_object_holds_no_other_machine_up(
    store: ObjectStore,
    machines: Machines,
    machine: Machine,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What went wrong with it stands in the log."""
    meta = {"name": "a-first", "namespace": "default"}
    store.create(kinds.MACHINE, {"metadata": meta, "spec": {}})
    make(store, machine())
    machines.look()
    assert status(store)["printableStatus"] == "ErrorPvcNotFound"
    assert "Traceback" in capsys.readouterr().err


def test_after_a_power_cut_what_had_ended_by_itself_stays_so(
    store: ObjectStore, machines: Machines, machine: Machine
) -> None:
    """What ran has no instance any more; what was switched off keeps its own."""
    make(store, machine())
    make(store, machine("vm2"))
    for name, phase in (("vm1", "Running"), ("vm2", "Succeeded"), ("gone", "Running")):
        meta = {"name": name, "namespace": "default"}
        store.create(kinds.INSTANCE, {"metadata": meta, "spec": {}, "status": {"phase": phase}})
    machines.recover()
    names = [each["metadata"]["name"] for each in store.all(kinds.INSTANCE)]
    assert names == ["vm2"]
    assert not machines.kill("default", "vm1", hold=False)
