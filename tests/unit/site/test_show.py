"""The Plan for people and for programs: whole, and the same each time."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from appliance.flow.stocking import shown_files, wants_of
from appliance.site.discovered import bind
from appliance.site.freeze import propose
from appliance.site.load import load_file
from appliance.site.make_plan import make_plan
from appliance.site.plan import Plan
from appliance.site.show import plan_json, plan_text
from appliance.values import Mac
from tests.sites import site

HERE = Path(__file__).parent
EXAMPLES = Path(__file__).parents[3] / "examples"


def plan_of(name: str) -> Plan:
    """Give the Plan of an example seen for the first time."""
    made = load_file(EXAMPLES / f"{name}.yaml").site
    return make_plan(made, propose(made))


def _text(plan: Plan) -> str:
    return plan_text(plan, shown_files(plan))


@pytest.mark.parametrize("name", ["minimal", "lab-discover", "lab-join", "three-node"])
def test_the_text_to_the_letter(name: str) -> None:
    """`shown/*.txt` is what is printed; UPDATE_GOLDEN=1 rewrites it."""
    golden = HERE / "shown" / f"{name}.txt"
    text = _text(plan_of(name))
    if "UPDATE_GOLDEN" in os.environ:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_everything_of_the_plan_is_shown(path: Path) -> None:
    """Every address, MAC, disk, file name and note stands in the text."""
    plan = plan_of(path.stem)
    text = _text(plan)
    leaves: list[str] = [plan.base_url, *plan.notes, *(str(address) for _, address in plan.hosts)]
    for network in plan.networks:
        leaves += [str(network.cidr), str(network.gateway), str(network.bridge), str(network.pool)]
    for machine in plan.machines:
        leaves += [*map(str, machine.macs), str(machine.disk or ""), machine.data_disk or ""]
        leaves += [*machine.wipe_disks, machine.ipxe, machine.serial or "", machine.not_armed or ""]
    for vm in plan.vms:
        leaves += [vm.name, vm.kind.value, str(vm.mac), vm.image or "", vm.iso or ""]
        leaves += [vm.driver_disk or "", *vm.pci_devices, *vm.usb_devices]
    for image in plan.images:
        leaves += [image.name, image.file, image.url, image.sums]
    if plan.cluster is not None:
        leaves += [plan.cluster.version, plan.cluster.registration, *plan.cluster.names]
        leaves += plan.cluster.artifacts
    for want in wants_of(plan):
        leaves += [want.name, want.why]
    assert [leaf for leaf in leaves if leaf not in text] == []


def test_who_is_not_armed_is_shown_with_the_reason(tmp_path: Path) -> None:
    """In the table, at the machine, and in the last line."""
    path = tmp_path / "site.yaml"
    path.write_text(
        "site: a\nhypervisor: {harvester: v1.8.2, machines: {hv1: {wipe_all_disks: true}}}\n"
    )
    made = load_file(path).site
    text = _text(make_plan(made, propose(made)))
    assert "-     NO" in text
    assert "NOT ARMED      no MAC address is given" in text
    assert "EVERY other disk" in text
    assert text.endswith("Armed: no machine. Not armed: hv1.\n")


def test_what_is_out_of_the_ordinary_of_virtual_machines_is_shown() -> None:
    """Devices, firmware, what is stopped, and who gave the registry's images."""
    made = site(
        cluster={"rke2": "v1.36.3+rke2r1", "active": False, "profile": "cis"},
        vms={
            "app": {
                "memory": "1536M",
                "efi": True,
                "secure_boot": True,
                "tpm": True,
                "pci": ["hv1-000001010"],
                "usb": ["hv1-usb-1"],
                "ssh_keys": [f"ssh-ed25519 {'A' * 48} me"],
            }
        },
        images={
            "own": {"file": "own.img", "sha256": "a" * 64},
            "b": {"url": "https://x.org/b.img"},
        },
        staging={"images": ["app.tar"]},
    )
    text = _text(make_plan(made, propose(made)))
    assert "1536M" in text
    assert "UEFI, secure boot, TPM, PCI hv1-000001010, USB hv1-usb-1, 1 SSH keys" in text
    assert text.count("UEFI, STOPPED") == 3
    assert "profile                   cis" in text
    assert "vouched for by a checksum in the site file" in text
    assert "vouched for by its first use" in text
    assert "container images  app.tar" in text


def test_json_holds_the_plan_and_its_digest() -> None:
    """Programs read the same Plan."""
    plan = plan_of("minimal")
    values = json.loads(plan_json(plan, shown_files(plan)))
    assert values.pop("digest") == plan.digest()
    assert {"name": "snponly.efi", "why": "the network boot program", "needed": True} in values.pop(
        "files"
    )
    assert values == plan.as_json()


def test_what_depends_on_a_report_is_shown() -> None:
    """What the machine is told by, what was ordered, what was found, and what may be erased."""
    expect = {"cpus": "16", "memory": "64G", "disks": "2", "nics": "4", "product": "R650"}
    said = {"match": {"product": "R650"}, "disk": "not usb", "expect": expect, "erase": True}
    made = site({"hv1": said})
    disk = "/dev/disk/by-id/nvme-1"
    cards = (Mac.parse("52:54:00:aa:00:01"), Mac.parse("52:54:00:aa:00:02"))
    text = _text(make_plan(made, bind(made, propose(made), "hv1", cards, disk)))
    for words in (
        "told by            product R650",
        "further cards      52:54:00:aa:00:02",
        "disk found by      not usb",
        "ordered            R650, 16 threads, 64G of memory, 2 disks, 4 network cards",
        "data on its disks  MAY BE ERASED",
    ):
        assert words in text
    assert disk in text
