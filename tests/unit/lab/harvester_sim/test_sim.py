"""The whole stand-in over its own doors: from login to a machine that runs, and a power cut."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim.messages import Request
from appliance.lab.harvester_sim.sim import HarvesterSim, SimOptions
from tests.unit.lab.harvester_sim.parts import HALT, POWER_OFF, ImageServer, Machine, boot_disk

Json = dict[str, Any]

VMS = "/apis/kubevirt.io/v1/namespaces/default/virtualmachines"
VMIS = "/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances"
IMAGES = "/apis/harvesterhci.io/v1beta1/namespaces/default/virtualmachineimages"
CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
ACT = "/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/vm1/"


class Client:
    """A client that has logged in."""

    def __init__(self, sim: HarvesterSim) -> None:
        self._url = sim.url
        self._token = ""
        login = "/v3-public/localProviders/local?action=login"
        self._token = self("POST", login, {"username": "admin", "password": "admin"})[1]["token"]

    def __call__(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        """Ask; give code and answer."""
        headers = {"Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())


def until(look: Callable[[], Any], seconds: float = 120) -> Any:
    """Wait until `look` gives something, and give it."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")


@pytest.fixture
def options(tmp_path: Path) -> SimOptions:
    """No switch, no node: machines run with their cables out."""
    return SimOptions(tmp_path / "state", tmp_path / "place", limit_s=120, retry_pause_s=0.1)


@pytest.fixture
def sim(options: SimOptions) -> Iterator[HarvesterSim]:
    """A stand-in that runs."""
    with HarvesterSim(options) as made:
        yield made


def phase(client: Client, name: str = "vm1") -> str:
    """Give the phase of a machine's instance; empty where there is none."""
    code, found = client("GET", f"{VMIS}/{name}")
    return str(found["status"].get("phase", "")) if code == 200 else ""


def test_from_an_image_to_a_running_machine_and_away_again(
    sim: HarvesterSim, image_server: ImageServer, machine: Machine
) -> None:
    """Image fetched and verified, volume made, machine on; deleted with the volumes it names."""
    client = Client(sim)
    code, _ = client("POST", IMAGES, image_server.put("debian", boot_disk(HALT)))
    assert code == 201
    until(lambda: client("GET", f"{IMAGES}/debian")[1]["status"].get("progress") == 100)
    code, made = client("POST", VMS, machine())
    assert code == 201
    assert made["spec"]["template"]["spec"]["domain"]["machine"]["type"] == "q35"
    until(lambda: phase(client) == "Running")
    until(lambda: client("GET", f"{VMS}/vm1")[1]["status"]["printableStatus"] == "Running")
    assert sim.machines.running() == ["vm1"]
    code, refused = client("DELETE", f"{IMAGES}/debian")
    assert code == 422
    assert "being used by volume default/vm1-disk" in refused["message"]

    found = client("GET", f"{VMS}/vm1")[1]
    found["metadata"]["annotations"]["harvesterhci.io/removedPersistentVolumeClaims"] = "vm1-disk"
    assert client("PUT", f"{VMS}/vm1", found)[0] == 200
    assert client("DELETE", f"{VMS}/vm1")[0] == 200
    until(lambda: client("GET", f"{VMS}/vm1")[0] == 404)
    assert client("GET", CLAIMS)[1]["items"] == []
    assert sim.machines.running() == []
    assert client("DELETE", f"{IMAGES}/debian")[0] == 200


def test_a_guest_that_switches_itself_off_stays_off(
    sim: HarvesterSim, image_server: ImageServer, machine: Machine
) -> None:
    """RerunOnFailure: Succeeded is no failure. A start through the subresource starts it again."""
    client = Client(sim)
    client("POST", IMAGES, image_server.put("debian", boot_disk(POWER_OFF)))
    client("POST", VMS, machine())
    until(lambda: phase(client) == "Succeeded")
    first = client("GET", f"{VMIS}/vm1")[1]["metadata"]["uid"]
    until(lambda: client("GET", f"{VMS}/vm1")[1]["status"]["printableStatus"] == "Stopped")
    assert client("PUT", f"{ACT}start")[0] == 202
    until(
        lambda: client("GET", f"{VMIS}/vm1")[1].get("metadata", {}).get("uid") not in (None, first)
    )


def test_a_power_cut_and_a_killed_machine(
    options: SimOptions, image_server: ImageServer, machine: Machine
) -> None:
    """After both the machine starts again, as another instance, from the same volume."""
    with HarvesterSim(options) as sim:
        client = Client(sim)
        client("POST", IMAGES, image_server.put("debian", boot_disk(HALT)))
        client("POST", VMS, machine())
        until(lambda: phase(client) == "Running")
        first = client("GET", f"{VMIS}/vm1")[1]["metadata"]["uid"]
        killed = sim.control(Request("POST", "/lab/kill", {"name": "vm1", "hold": "true"}))
        assert killed.body == {"killed": True}
        until(lambda: phase(client) == "Pending")
        sim.control(Request("POST", "/lab/release"))
        until(lambda: phase(client) == "Running")
        second = client("GET", f"{VMIS}/vm1")[1]["metadata"]["uid"]
        assert second != first
        claim = client("GET", f"{CLAIMS}/vm1-disk")[1]["metadata"]["uid"]
    with HarvesterSim(options) as sim:
        client = Client(sim)
        until(lambda: phase(client) == "Running")
        assert client("GET", f"{VMIS}/vm1")[1]["metadata"]["uid"] != second
        assert client("GET", f"{CLAIMS}/vm1-disk")[1]["metadata"]["uid"] == claim


def test_a_restart_gives_another_instance_and_a_stop_none(
    sim: HarvesterSim, image_server: ImageServer, machine: Machine
) -> None:
    """The guest does not listen to its button: after the machine's grace the power is cut."""
    client = Client(sim)
    client("POST", IMAGES, image_server.put("debian", boot_disk(HALT)))
    body = machine(strategy="Always")
    body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 1
    client("POST", VMS, body)
    until(lambda: phase(client) == "Running")
    first = client("GET", f"{VMIS}/vm1")[1]["metadata"]["uid"]
    assert client("PUT", f"{ACT}start")[0] == 409
    assert client("PUT", f"{ACT}restart")[0] == 202
    until(
        lambda: client("GET", f"{VMIS}/vm1")[1].get("metadata", {}).get("uid") not in (None, first)
    )
    until(lambda: phase(client) == "Running")
    assert client("PUT", f"{ACT}stop")[0] == 202
    until(lambda: client("GET", f"{VMIS}/vm1")[0] == 404)
    assert client("GET", f"{VMS}/vm1")[1]["spec"]["runStrategy"] == "Halted"
    assert client("PUT", f"{ACT}stop")[0] == 409


def test_a_disk_smaller_than_its_image_is_never_started(
    sim: HarvesterSim, image_server: ImageServer, machine: Machine
) -> None:
    """The machine says why it waits, and nothing runs."""
    client = Client(sim)
    client("POST", IMAGES, image_server.put("debian", boot_disk(HALT)))
    until(lambda: client("GET", f"{IMAGES}/debian")[1]["status"].get("progress") == 100)
    client("POST", VMS, machine(size="512Ki"))
    found = until(
        lambda: (
            (vm := client("GET", f"{VMS}/vm1")[1])["status"].get("printableStatus")
            == "ErrorUnschedulable"
            and vm
        )
    )
    (ready,) = (c for c in found["status"]["conditions"] if c["type"] == "Ready")
    assert "is less than the size 1048576 of the backing image" in ready["message"]
    assert sim.machines.running() == []


def test_the_lab_s_own_door(sim: HarvesterSim) -> None:
    """Faults are put in force and taken back; what is no fault is refused."""
    assert sim.control(Request("POST", "/lab/faults", {"add": "conflict=2"})).body["conflict"] == 2
    assert sim.control(Request("POST", "/lab/faults", {"add": "rain=1"})).status == 400
    assert sim.control(Request("DELETE", "/lab/faults")).body["conflict"] == 0
    assert sim.control(Request("POST", "/lab/kill", {"name": "none"})).status == 404
    assert sim.control(Request("GET", "/lab/none")).status == 404
    assert sim.control(Request("GET", "/lab/status")).body["nodes"] == ["standin"]


def test_a_vlan_configuration_is_gone_after_a_while(sim: HarvesterSim) -> None:
    """Who deletes one and then watches is told of its end (resource_vlanconfig.go)."""
    client = Client(sim)
    base = "/apis/network.harvesterhci.io/v1beta1"
    client("POST", f"{base}/clusternetworks", {"metadata": {"name": "vms"}})
    body = {"metadata": {"name": "v"}, "spec": {"clusterNetwork": "vms", "uplink": {}}}
    assert client("POST", f"{base}/vlanconfigs", body)[0] == 201
    assert client("DELETE", f"{base}/vlanconfigs/v")[0] == 200
    assert client("GET", f"{base}/vlanconfigs/v")[0] == 200
    until(lambda: client("GET", f"{base}/vlanconfigs/v")[0] == 404)
