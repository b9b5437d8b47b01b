"""The Plan as Terraform's variables, held against terraform/variables.tf itself."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import ArtifactError
from appliance.site.plan import ImagePlan, Plan, VmKind, VmPlan
from appliance.tools import data
from appliance.values import Mac
from appliance.vms.variables import variables
from tests.plans import plan
from tests.unit.vms.conftest import terraform

GIB = 1 << 30
SHA512 = "ab" * 64
DEBIAN = ImagePlan("debian", "debian-12-genericcloud-amd64.qcow2")
DIGESTS = {DEBIAN.file: SHA512, "windows.iso": SHA512, "virtio-win.iso": SHA512}


def vm(name: str = "srv1", **changes: Any) -> VmPlan:
    """Give a server."""
    made = VmPlan(
        name=name,
        kind=VmKind.SERVER,
        network="main",
        mac=Mac("0200000000aa"),
        address=IPv4Address("10.20.0.21"),
        cpus=2,
        memory=4 * GIB,
        disk=20 * GIB,
        image="debian",
    )
    return replace(made, **changes)


def site(*vms: VmPlan) -> Plan:
    """Give a site of these machines."""
    images = (DEBIAN, ImagePlan("windows", "windows.iso", iso=True))
    more = (ImagePlan("virtio", "virtio-win.iso", iso=True), ImagePlan("unused", "unused.img"))
    return replace(plan(), images=images + more, vms=vms)


def test_a_server() -> None:
    """All that the module is told."""
    given = variables(site(vm()), DIGESTS)
    network_data = given["vms"]["srv1"].pop("network_data")
    assert given == {
        "site_id": "alpha",
        "namespace": "default",
        "images": {
            "debian": {
                "file": DEBIAN.file,
                "url": f"http://10.20.0.2/a/{DEBIAN.file}",
                "sha512": SHA512,
            }
        },
        "networks": {"main": {"vlan": 0, "cidr": "10.20.0.0/24", "gateway": "10.20.0.1"}},
        "vms": {
            "srv1": {
                "kind": "server",
                "cpus": 2,
                "memory": 4 * GIB,
                "disk": 20 * GIB,
                "network": "main",
                "mac": "02:00:00:00:00:aa",
                "image": "debian",
                "iso": None,
                "driver_disk": None,
                "efi": True,
                "secure_boot": False,
                "tpm": False,
                "running": True,
                "disk_bus": "virtio",
                "nic_model": "virtio",
                "host_devices": [],
                "user_data_secret": "srv1-user-data",
            }
        },
        "attach_host_devices_by_api": False,
    }
    assert "10.20.0.21/24" in network_data


def test_one_installed_by_hand() -> None:
    """No cloud-init; a disk and a card that any installer knows, unless a CD brings drivers."""
    by_hand = vm("old", kind=VmKind.PLAIN, image=None, iso="windows", address=None)
    drivers = vm("new", kind=VmKind.PLAIN, image=None, iso="windows", driver_disk="virtio")
    given = variables(site(by_hand, drivers), DIGESTS)
    old, new = given["vms"]["old"], given["vms"]["new"]
    assert (old["disk_bus"], old["nic_model"]) == ("sata", "e1000")
    assert (new["disk_bus"], new["nic_model"]) == ("virtio", "virtio")
    assert not {"user_data_secret", "network_data"} & old.keys()
    assert sorted(given["images"]) == ["virtio", "windows"]


def test_devices_of_the_host() -> None:
    """Named one by one; the API attaches them."""
    given = variables(site(vm(pci_devices=("vendor/GPU", "b"), usb_devices=("c",))), DIGESTS)
    assert [each["name"] for each in given["vms"]["srv1"]["host_devices"]] == [
        "pci-1",
        "pci-2",
        "usb-1",
    ]
    assert given["attach_host_devices_by_api"] is True


def test_sizes_are_whole() -> None:
    """Rounded up, never down."""
    given = variables(site(vm(memory=1, disk=(5 << 20) + 1)), DIGESTS)
    assert (given["vms"]["srv1"]["memory"], given["vms"]["srv1"]["disk"]) == (1 << 20, 6 << 20)


def test_a_file_name_that_is_no_label() -> None:
    """It is not shown; the image's own name is."""
    image = ImagePlan("debian", f"{'x' * 70}.qcow2")
    made = replace(site(vm()), images=(image,))
    assert "file" not in variables(made, {image.file: SHA512})["images"]["debian"]


def test_an_image_without_a_sum() -> None:
    """Nothing is given to the hypervisor that it cannot check."""
    with pytest.raises(ArtifactError, match="image debian has no SHA-512"):
        variables(site(vm()), {})


def test_a_site_without_machines() -> None:
    """Nothing is made."""
    given = variables(site(), {})
    assert given["images"] == given["networks"] == given["vms"] == {}


def test_terraform_takes_them(tmp_path: Path) -> None:
    """The contract itself: types and validations of terraform/variables.tf, by the real program."""
    (tmp_path / "variables.tf").write_text((data.path("terraform") / "variables.tf").read_text())
    (tmp_path / "main.tf").write_text('output "vms" { value = var.vms }\n')
    by_hand = vm("old", kind=VmKind.PLAIN, image=None, iso="windows", mac=Mac("0200000000ab"))
    given = variables(site(vm(tpm=True), by_hand), DIGESTS)
    (tmp_path / "terraform.tfvars.json").write_text(json.dumps(given))
    done = subprocess.run(
        [terraform(), "apply", "-auto-approve", "-input=false", "-no-color"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "CHECKPOINT_DISABLE": "1", "HOME": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    declared = set((tmp_path / "variables.tf").read_text().split())
    assert {f'"{name}"' for name in given} <= declared
    state = json.loads((tmp_path / "terraform.tfstate").read_text())
    told = state["outputs"]["vms"]["value"]
    for name, wanted in given["vms"].items():
        assert {key: told[name][key] for key in wanted} == wanted
