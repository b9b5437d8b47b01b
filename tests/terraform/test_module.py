"""The root module against the provider's own schema: offline, from a mirror, by both programs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.terraform.parts import MIB, Folder, Served, machine, variables

GOOD = Served("http://10.20.0.2/a/blank.qcow2", "ab" * 64, 1)


def test_it_is_valid(folder: Folder) -> None:
    """`validate` finds every argument known to the provider, and nothing that is deprecated."""
    told = json.loads(folder.run("validate", "-json"))
    assert told["valid"] is True
    assert told["diagnostics"] == []


def test_the_provider_came_from_the_mirror(folder: Folder) -> None:
    """The lock names the provider's whole address, which OpenTofu keeps too."""
    lock = (folder.path / ".terraform.lock.hcl").read_text()
    assert 'provider "registry.terraform.io/harvester/harvester"' in lock
    assert 'version     = "1.8.1"' in lock


def test_what_it_uses_exists_in_the_schema(folder: Folder) -> None:
    """Arguments that a site depends on are in the schema, `host_device` of 1.9 is not."""
    schemas = json.loads(folder.run("providers", "schema", "-json"))["provider_schemas"]
    kinds = schemas["registry.terraform.io/harvester/harvester"]["resource_schemas"]
    used = {
        "harvester_image",
        "harvester_network",
        "harvester_cloudinit_secret",
        "harvester_virtualmachine",
    }
    assert used <= set(kinds)
    for kind in (kinds[each] for each in used):
        assert {"create", "read", "update", "delete", "default"} == set(
            kind["block"]["block_types"]["timeouts"]["block"]["attributes"]
        )
    assert kinds["harvester_image"]["block"]["attributes"]["checksum"]["optional"]
    blocks = kinds["harvester_virtualmachine"]["block"]["block_types"]
    assert {"disk", "network_interface", "cloudinit", "tpm", "input"} < set(blocks)
    assert "host_device" not in blocks
    assert "user_data_secret_name" in blocks["cloudinit"]["block"]["attributes"]


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"secure_boot": True}, "secure_boot needs efi"),
        ({"iso": "blank"}, "either image or iso"),
        ({"mac": "02-00-00-00-00-01"}, "six pairs"),
        ({"memory": 128 * MIB + 1}, "whole MiB"),
        ({"kind": "router"}, "staging, server, agent or plain"),
        ({"host_devices": [{"name": "gpu", "device_name": "nvidia.com/TU104"}]}, "host_devices"),
    ],
)
def test_what_cannot_be_is_refused(folder: Folder, said: dict[str, Any], complaint: str) -> None:
    """A variable that cannot be right is refused with its reason, before the API is asked."""
    values = variables(GOOD, one=machine(**said))
    (folder.path / "terraform.tfvars.json").write_text(json.dumps(values))
    told = folder.run("plan", "-no-color", "-input=false", "-refresh=false", good=(1,))
    assert complaint in " ".join(told.split())


def test_two_machines_never_share_a_mac(folder: Folder) -> None:
    """The same MAC twice is refused."""
    values = variables(GOOD, one=machine(), two=machine())
    (folder.path / "terraform.tfvars.json").write_text(json.dumps(values))
    told = folder.run("plan", "-no-color", "-input=false", good=(1,))
    assert "Two machines have the same mac" in told


def test_an_installed_by_hand_machine_starts_its_disk_before_its_cd(folder: Folder) -> None:
    """A blank disk comes first, the CD second, the drivers' CD in no order; sizes are canonical."""
    values = variables(
        GOOD,
        old=machine(image=None, iso="blank", driver_disk="blank", disk=64 << 30, memory=1536 * MIB),
    )
    (folder.path / "terraform.tfvars.json").write_text(json.dumps(values))
    folder.run("plan", "-no-color", "-input=false", "-out=plan")
    planned = json.loads(folder.run("show", "-json", "plan"))["resource_changes"]
    [after] = [
        each["change"]["after"] for each in planned if each["type"] == "harvester_virtualmachine"
    ]
    assert [(disk["name"], disk["type"], disk["boot_order"]) for disk in after["disk"]] == [
        ("root", "disk", 1),
        ("install", "cd-rom", 2),
        ("drivers", "cd-rom", 0),
    ]
    assert (after["disk"][0]["size"], after["memory"]) == ("64Gi", "1536Mi")
    assert after["input"][0]["name"] == "tablet"
    assert after["cloudinit"] == []


def test_a_plan_holds_no_secret_data(folder: Folder) -> None:
    """User data is only named: no argument of the plan carries any of it."""
    values = variables(GOOD, one=machine(user_data_secret="one-user-data"))
    (folder.path / "terraform.tfvars.json").write_text(json.dumps(values))
    folder.run("plan", "-no-color", "-input=false", "-out=plan")
    planned = json.loads(folder.run("show", "-json", "plan"))["resource_changes"]
    [found] = [
        each["change"]["after"]["cloudinit"][0]
        for each in planned
        if each["type"] == "harvester_virtualmachine"
    ]
    assert found["user_data_secret_name"] == "one-user-data"
    assert not found["user_data"]
    assert not found["user_data_base64"]
