"""What is filled in and refused when a virtual machine is written."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.lab.harvester_sim.machine_admission import (
    attached_claims,
    claim_templates,
    complete_machine,
    networks,
    run_strategy,
)
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.refusals import RefusedError
from tests.unit.lab.harvester_sim.parts import Machine

Json = dict[str, Any]
EFI: Json = {"bootloader": {"efi": {"secureBoot": False}}}


def domain(body: Json) -> Json:
    """Give the domain of a machine."""
    found: Json = body["spec"]["template"]["spec"]["domain"]
    return found


def test_what_the_provider_reads_without_a_look_is_there(
    store: ObjectStore, machine: Machine
) -> None:
    """Machine type, processors, eviction, the JSON of SSH names: nil would be a panic."""
    body = machine()
    del domain(body)["cpu"]
    complete_machine(store, body, None)
    assert domain(body)["machine"] == {"type": "q35"}
    assert domain(body)["cpu"] == {"cores": 1}
    template = body["spec"]["template"]
    assert template["spec"]["evictionStrategy"] == "LiveMigrateIfPossible"
    assert template["metadata"]["annotations"]["harvesterhci.io/sshNames"] == "[]"
    assert body["metadata"]["finalizers"] == ["kubevirt.io/virtualMachineControllerFinalize"]


def test_harvester_s_overcommit_and_reserve_are_taken(store: ObjectStore, machine: Machine) -> None:
    """100 MiB are QEMU's; requests are a part of the limits; limits stay as they were sent."""
    body = machine(resources={"limits": {"cpu": "2", "memory": "768Mi"}})
    complete_machine(store, body, None)
    assert domain(body)["memory"] == {"guest": "668Mi"}
    assert domain(body)["resources"] == {
        "limits": {"cpu": "2", "memory": "768Mi"},
        "requests": {"cpu": "125m", "memory": "512Mi"},
    }
    body["metadata"]["annotations"]["harvesterhci.io/reservedMemory"] = "256Mi"
    complete_machine(store, body, body)
    assert domain(body)["memory"] == {"guest": "512Mi"}


def test_a_firmware_keeps_its_identity(store: ObjectStore, machine: Machine) -> None:
    """An update that says nothing of it changes nothing; Secure Boot stays said."""
    old = machine(firmware=EFI)
    complete_machine(store, old, None)
    assert domain(old)["firmware"]["bootloader"] == {"efi": {"secureBoot": False}}
    new = machine()
    complete_machine(store, new, old)
    assert domain(new)["firmware"]["uuid"] == domain(old)["firmware"]["uuid"]
    with pytest.raises(RefusedError, match="requires SMM"):
        complete_machine(store, machine(firmware={"bootloader": {"efi": {}}}), None)


def test_a_machine_is_bound_to_hosts_with_its_cable(store: ObjectStore, machine: Machine) -> None:
    """A network that is not there is refused by name."""
    with pytest.raises(RefusedError, match='"none" not found'):
        complete_machine(store, machine(network="default/none"), None)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda b: b["spec"].update(runStrategy="Sometimes"), "Invalid RunStrategy"),
        (lambda b: b["spec"].update(running=True), "mutually exclusive"),
        (lambda b: b["spec"].pop("template"), "spec.template is required"),
        (lambda b: domain(b)["devices"].update(disks=[]), "'disk' not found"),
        (lambda b: b["spec"]["template"]["spec"].update(networks=[]), "'nic' not found"),
        (lambda b: domain(b)["resources"]["limits"].update(memory="64Mi"), "minimum requirement"),
        (lambda b: domain(b)["resources"]["limits"].update(memory="lots"), "quantities must"),
        (
            lambda b: b["metadata"]["annotations"].update(
                {"harvesterhci.io/volumeClaimTemplates": "{"}
            ),
            "invalid harvesterhci.io/volumeClaimTemplates",
        ),
        (
            lambda b: b["spec"]["template"].update(
                metadata={"annotations": {"harvesterhci.io/sshNames": "x"}}
            ),
            "invalid harvesterhci.io/sshNames",
        ),
    ],
)
def test_a_machine_that_cannot_be_is_refused(
    store: ObjectStore, machine: Machine, change: Any, why: str
) -> None:
    """422, with what is wrong."""
    body = machine()
    change(body)
    with pytest.raises(RefusedError, match=why) as caught:
        complete_machine(store, body, None)
    assert caught.value.code == 422


def test_what_a_machine_names_is_read(machine: Machine) -> None:
    """Networks with and without a namespace, claims, templates, and the older `running`."""
    body = machine(network="net")
    assert networks(body) == {("default", "net")}
    assert networks(machine(network="other/net")) == {("other", "net")}
    assert attached_claims(body) == ["vm1-disk"]
    assert [claim["metadata"]["name"] for claim in claim_templates(body)] == ["vm1-disk"]
    assert run_strategy(body) == "RerunOnFailure"
    assert run_strategy({"spec": {"running": True}}) == "Always"
    assert run_strategy({"spec": {"running": False}}) == "Halted"
    body["metadata"]["annotations"] = None
    assert claim_templates(body) == []
