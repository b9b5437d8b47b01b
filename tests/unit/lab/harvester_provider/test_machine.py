"""A machine as it is written and read back."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from appliance.lab.harvester_provider import machine

WANTED: dict[str, Any] = {
    "name": "srv1",
    "namespace": "default",
    "tags": {"bridgehead-site": "alpha"},
    "description": None,
    "cpu": 2,
    "memory": "2Gi",
    "hostname": "srv1",
    "machine_type": "q35",
    "run_strategy": "RerunOnFailure",
    "efi": True,
    "secure_boot": True,
    "tpm": [{"name": None}],
    "disk": [
        {
            "name": "root",
            "type": "disk",
            "size": "10Gi",
            "bus": "virtio",
            "boot_order": 1,
            "image": "default/debian",
            "auto_delete": True,
        },
        {"name": "install", "type": "cd-rom", "size": "10Gi", "image": "iso", "auto_delete": False},
        {"name": "empty", "type": "cd-rom"},
    ],
    "network_interface": [
        {
            "name": "nic-1",
            "type": "bridge",
            "model": "virtio",
            "mac_address": "02:00:00:00:00:01",
            "network_name": "default/main",
            "wait_for_lease": False,
        }
    ],
    "cloudinit": [
        {
            "type": "noCloud",
            "user_data_secret_name": "srv1-user-data",
            "network_data_secret_name": "srv1-network-data",
        }
    ],
}


def storage_class(image: str | None) -> str:
    """Give each image a class of its own."""
    return f"class-{image}" if image else "default-class"


def made() -> dict[str, Any]:
    """Give the machine that is wanted."""
    return machine.written(copy.deepcopy(WANTED), None, storage_class)


@pytest.mark.parametrize(
    ("said", "kept"),
    [("2048Mi", "2Gi"), ("1536Mi", "1536Mi"), ("1024Gi", "1Ti"), ("1G", "1G"), ("512", "512")],
)
def test_quantities(said: str, kept: str) -> None:
    """Kubernetes writes a quantity with the largest unit that divides it."""
    assert machine.quantity(said) == kept


def test_what_is_written() -> None:
    """Firmware, devices, volumes and annotations are where KubeVirt and Harvester look for them."""
    found = made()
    domain = found["spec"]["template"]["spec"]["domain"]
    assert domain["firmware"]["bootloader"]["efi"]["secureBoot"] is True
    assert domain["features"]["smm"]["enabled"] is True
    assert domain["devices"]["tpm"] == {}
    assert domain["devices"]["interfaces"][0]["bridge"] == {}
    assert [each["name"] for each in domain["devices"]["disks"]] == [
        "root",
        "install",
        "empty",
        "cloudinitdisk",
    ]
    claims = json.loads(found["metadata"]["annotations"]["harvesterhci.io/volumeClaimTemplates"])
    assert [each["spec"]["storageClassName"] for each in claims] == [
        "class-default/debian",
        "class-default/iso",
    ]
    assert found["metadata"]["labels"]["harvesterhci.io/creator"] == "terraform-provider-harvester"


def test_what_is_read_back() -> None:
    """All arguments come back, the disk of the cloud-init data too (harvester#10728)."""
    state = machine.read_back(made(), None)
    assert state["state"] == "Off"
    assert (state["cpu"], state["memory"], state["tpm"]) == (2, "2Gi", [{}])
    assert (state["efi"], state["secure_boot"]) == (True, True)
    assert [each["name"] for each in state["disk"]] == ["root", "install", "empty", "cloudinitdisk"]
    assert state["disk"][0]["image"] == "default/debian"
    assert state["disk"][1]["bus"] == "sata"
    assert state["cloudinit"][0]["user_data_secret_name"] == "srv1-user-data"
    assert state["network_interface"][0]["mac_address"] == "02:00:00:00:00:01"


def test_without_machine_type_it_ends() -> None:
    """A server that fills in no machine type is not forgiven: upstream ends there too."""
    found = made()
    del found["spec"]["template"]["spec"]["domain"]["machine"]
    with pytest.raises(KeyError):
        machine.read_back(found, None)


def test_an_update_keeps_what_it_does_not_know() -> None:
    """Devices attached through the API stay, and so do the firmware's serial and the volumes."""
    before = made()
    domain = before["spec"]["template"]["spec"]["domain"]
    domain["devices"]["hostDevices"] = [{"name": "gpu", "deviceName": "nvidia.com/TU104"}]
    domain["firmware"]["serial"] = "s"
    claim = machine.read_back(before, None)["disk"][0]["volume_name"]
    wanted = copy.deepcopy(WANTED) | {"memory": "4Gi"}
    wanted["disk"][0]["volume_name"] = claim
    after = machine.written(wanted, copy.deepcopy(before), storage_class)
    domain = after["spec"]["template"]["spec"]["domain"]
    assert domain["devices"]["hostDevices"][0]["name"] == "gpu"
    assert domain["firmware"]["serial"] == "s"
    assert domain["resources"]["limits"]["memory"] == "4Gi"
    assert machine.read_back(after, None)["disk"][0]["volume_name"] == claim


def test_secure_boot_needs_efi() -> None:
    """As upstream says."""
    with pytest.raises(ValueError, match="EFI must be enabled"):
        machine.written(copy.deepcopy(WANTED) | {"efi": False}, None, storage_class)


def test_an_image_has_its_own_storage_class() -> None:
    """A disk of an image may not name another."""
    wanted = copy.deepcopy(WANTED)
    wanted["disk"][0]["storage_class_name"] = "fast"
    with pytest.raises(ValueError, match="storage_class_name"):
        machine.written(wanted, None, storage_class)


@pytest.mark.parametrize(
    ("phase", "state"),
    [
        ("Scheduling", "Starting"),
        ("Running", "Ready"),
        ("Succeeded", "Stopping"),
        ("Failed", "Failed"),
        ("?", "Unknown"),
    ],
)
def test_states(phase: str, state: str) -> None:
    """The provider's words for KubeVirt's phases."""
    assert machine.read_back(made(), {"status": {"phase": phase}})["state"] == state


def test_addresses_are_those_that_lead_somewhere() -> None:
    """A link-local address is none, and a lease that is waited for makes it wait."""
    found = made()
    annotations = found["spec"]["template"]["metadata"]["annotations"]
    annotations["harvesterhci.io/waitForLeaseInterfaceNames"] = '["nic-1"]'
    seen = {"name": "nic-1", "interfaceName": "eth0", "ipAddresses": ["169.254.1.1", "fe80::1"]}
    instance = {"status": {"phase": "Running", "interfaces": [seen]}}
    assert machine.read_back(found, instance)["state"] == "Running"
    seen["ipAddresses"] = ["fe80::1", "10.20.0.9", "10.20.0.10"]
    state = machine.read_back(found, instance)
    assert state["state"] == "Ready"
    assert state["network_interface"][0]["ip_address"] == "10.20.0.10"  # as texts, like upstream


def test_disks_that_are_kept() -> None:
    """Only the claims of disks that go with the machine go."""
    found = made()
    removed = machine.removed_claims(found, WANTED)
    assert [claim.startswith("srv1-root-") for claim in removed] == [True]


def test_the_older_way_to_say_that_it_runs() -> None:
    """`running` is understood where a person used it."""
    assert machine.strategy({"spec": {"running": True}}) == "Always"
    assert machine.strategy({"spec": {"running": False}}) == "Halted"
    assert machine.strategy({"spec": {"runStrategy": "Manual"}}) == "Manual"
