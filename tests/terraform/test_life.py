"""A site's life by the real program: planned, applied, looked after, changed, taken down."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import StepError, StopRequestedError
from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.sim import HarvesterSim
from appliance.vms.changes import ResourceChange
from tests.terraform.parts import (
    NETWORK_DATA,
    Served,
    Site,
    give_user_data,
    machine,
    variables,
)

pytestmark = pytest.mark.timeout(240)


def _machine(sim: HarvesterSim, name: str) -> dict[str, Any]:
    return sim.store.get(kinds.MACHINE, "default", name)


def _apply(site: Site, values: dict[str, Any]) -> None:
    site.driver.prepare(values)
    site.driver.apply(site.driver.plan())


def test_a_site_from_nothing_to_nothing(site: Site, sim: HarvesterSim, image: Served) -> None:
    """Plan, apply, no drift, a change behind its back found and undone, destroy: nothing left."""
    give_user_data(sim, "srv1-user-data")
    values = variables(
        image,
        srv1=machine(kind="server", user_data_secret="srv1-user-data", network_data=NETWORK_DATA),
        old=machine(mac="02:00:00:00:00:02", image=None, iso="blank", running=False),
    )
    site.driver.prepare(values)
    planned = site.driver.plan()
    assert planned.counts.add == 5  # image, network, network data, two machines
    site.driver.apply(planned)

    outputs = site.driver.outputs()
    assert outputs["vms"]["srv1"]["id"] == "default/srv1"
    assert outputs["vms"]["srv1"]["state"] == "Ready"
    assert outputs["vms"]["old"]["state"] == "Off"
    _check_what_stands_there(sim)
    assert site.driver.plan().is_empty
    assert site.driver.drift().is_empty

    sim.store.edit(kinds.MACHINE, "default", "old", _more_memory)
    assert any("memory" in line for line in site.driver.drift().findings())
    site.driver.apply(site.driver.plan())
    assert site.driver.drift().is_empty
    assert _limits(_machine(sim, "old"))["memory"] == "128Mi"

    gone = site.driver.plan(destroy=True)
    assert gone.counts.remove == 5
    site.driver.apply(gone)
    for kind in (kinds.MACHINE, kinds.IMAGE, kinds.NETWORK):
        assert sim.store.all(kind) == []
    # What was not made here stays.
    assert sim.store.find(kinds.SECRET, "default", "srv1-user-data") is not None


def _check_what_stands_there(sim: HarvesterSim) -> None:
    found = _machine(sim, "srv1")
    assert found["metadata"]["labels"]["tag.harvesterhci.io/bridgehead-site"] == "alpha"
    assert found["metadata"]["labels"]["tag.harvesterhci.io/bridgehead-kind"] == "server"
    inner = found["spec"]["template"]["spec"]
    preferred = inner["affinity"]["podAntiAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    assert preferred[0]["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    seed = next(each for each in inner["volumes"] if each["name"] == "cloudinitdisk")
    assert seed["cloudInitNoCloud"] == {
        "secretRef": {"name": "srv1-user-data"},
        "networkDataSecretRef": {"name": "srv1-network-data"},
    }
    network = sim.store.get(kinds.NETWORK, "default", "main")
    assert json.loads(network["spec"]["config"])["bridge"] == "mgmt-br"


def _limits(found: dict[str, Any]) -> dict[str, str]:
    limits: dict[str, str] = found["spec"]["template"]["spec"]["domain"]["resources"]["limits"]
    return limits


def _more_memory(found: dict[str, Any]) -> None:
    _limits(found)["memory"] = "256Mi"


def test_another_laptop_serves_the_same_image(site: Site, image: Served) -> None:
    """The image's address may change: its digest says which it is, and nothing is replaced."""
    values = variables(image, one=machine(running=False))
    _apply(site, values)
    values["images"]["blank"]["url"] = "http://10.99.0.2/a/blank.qcow2"
    site.driver.prepare(values)
    assert site.driver.plan().is_empty


def test_a_machine_more_touches_no_other(site: Site, sim: HarvesterSim, image: Served) -> None:
    """A machine that is added is the only thing made, and one that is removed the only one gone."""
    values = variables(image, one=machine(running=False))
    _apply(site, values)
    before = _machine(sim, "one")["metadata"]["generation"]
    values["vms"]["two"] = machine(mac="02:00:00:00:00:02", running=False)
    site.driver.prepare(values)
    planned = site.driver.plan()
    assert [each.address for each in planned.resources] == [
        'module.machine["two"].harvester_virtualmachine.this'
    ]
    site.driver.apply(planned)
    del values["vms"]["two"]
    _apply(site, values)
    assert _machine(sim, "one")["metadata"]["generation"] == before
    assert sim.store.find(kinds.MACHINE, "default", "two") is None


def test_a_wrong_checksum_is_told(site: Site, sim: HarvesterSim, image: Served) -> None:
    """An image whose bytes are others ends the apply at its limit, and no machine is made of it.

    The provider sees no more than that it is not there: Harvester tells of the checksum in a
    condition that it does not look at (Imported). Who applies this looks there.
    """
    wrong = Served(image.url, "00" * 64, image.octets)
    values = variables(wrong, one=machine(running=False))
    values["timeouts"]["image"] = "5s"
    site.driver.prepare(values)
    with pytest.raises(StepError) as raised:
        site.driver.apply(site.driver.plan())
    assert "blank" in str(raised.value)
    assert sim.store.find(kinds.MACHINE, "default", "one") is None
    conditions = sim.store.get(kinds.IMAGE, "default", "blank")["status"]["conditions"]
    assert any("expected checksum" in each.get("message", "") for each in conditions)


def test_an_interrupt_forgets_nothing(site: Site, sim: HarvesterSim, image: Served) -> None:
    """Stopped while it waits for an image, it ends cleanly, and the next plan knows the image."""
    wrong = Served(image.url, "00" * 64, image.octets)  # waited for without end
    site.driver.prepare(variables(wrong))
    planned = site.driver.plan()
    waiter = threading.Thread(target=_stop_once_made, args=(site, sim))
    waiter.start()
    with pytest.raises(StopRequestedError):
        site.driver.apply(planned)
    waiter.join()
    site.stop.clear()
    addresses = [each.address for each in site.driver.plan().resources]
    assert 'module.image["blank"].harvester_image.this' not in addresses


def _stop_once_made(site: Site, sim: HarvesterSim) -> None:
    while sim.store.find(kinds.IMAGE, "default", "blank") is None:
        time.sleep(0.05)
    site.stop.set()


def test_what_is_there_is_taken_over(
    site: Site, sim: HarvesterSim, image: Served, tmp_path: Path
) -> None:
    """With the state lost, all that exists is taken over, and nothing is made twice."""
    give_user_data(sim, "one-user-data")
    said = machine(running=False, user_data_secret="one-user-data", network_data=NETWORK_DATA)
    values = variables(image, one=said)
    _apply(site, values)
    uid = _machine(sim, "one")["metadata"]["uid"]
    (tmp_path / "terraform" / "terraform.tfstate").unlink()

    site.driver.prepare(values)
    planned = site.driver.plan(existing=_id_of)
    assert planned.counts.adopt == 4
    assert (planned.counts.add, planned.counts.remove) == (0, 0)
    site.driver.apply(planned)
    assert _machine(sim, "one")["metadata"]["uid"] == uid
    assert site.driver.plan().is_empty


def _id_of(change: ResourceChange) -> str | None:
    values = change.values or {}
    return f"{values['namespace']}/{values['name']}"
