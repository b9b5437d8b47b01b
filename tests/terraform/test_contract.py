"""What the Plan becomes, planned by the real program: no variable and no value is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address

from appliance.site.plan import ImagePlan, VmKind, VmPlan
from appliance.values import Mac
from appliance.vms.variables import variables
from tests.plans import plan
from tests.terraform.parts import Folder

GIB = 1 << 30
SERVER = VmPlan(
    name="srv1",
    kind=VmKind.SERVER,
    network="main",
    mac=Mac("0200000000aa"),
    address=IPv4Address("10.20.0.21"),
    cpus=2,
    memory=4 * GIB,
    disk=20 * GIB,
    image="debian",
)
OLD = replace(
    SERVER,
    name="old",
    kind=VmKind.PLAIN,
    mac=Mac("0200000000ab"),
    address=None,
    image=None,
    iso="windows",
    driver_disk="virtio",
    efi=False,
    pci_devices=("nvidia.com/TU104",),
)


def test_a_plan_becomes_a_plan(folder: Folder) -> None:
    """A server and a machine installed by hand: seven things to make, all of them known before."""
    images = tuple(
        ImagePlan(name, f"{name}.img", iso=name != "debian")
        for name in ("debian", "windows", "virtio")
    )
    site = replace(plan(), images=images, vms=(SERVER, OLD))
    values = variables(site, {image.file: "ab" * 64 for image in images})
    (folder.path / "terraform.tfvars.json").write_text(json.dumps(values))
    folder.run("plan", "-no-color", "-input=false", "-out=plan")
    shown = json.loads(folder.run("show", "-json", "plan"))
    made = sorted(each["address"] for each in shown["resource_changes"])
    assert made == [
        'module.cloud_init["srv1"].harvester_cloudinit_secret.this',
        'module.image["debian"].harvester_image.this',
        'module.image["virtio"].harvester_image.this',
        'module.image["windows"].harvester_image.this',
        'module.machine["old"].harvester_virtualmachine.this',
        'module.machine["srv1"].harvester_virtualmachine.this',
        'module.network["main"].harvester_network.this',
    ]
    devices = shown["planned_values"]["outputs"]["host_devices"]["value"]
    assert devices == {"old": [{"name": "pci-1", "device_name": "nvidia.com/TU104"}]}
