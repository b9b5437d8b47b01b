"""The Plan for people and for programs: whole, and the same each time."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from appliance.site.freeze import propose
from appliance.site.load import load_file
from appliance.site.make_plan import make_plan
from appliance.site.plan import Plan
from appliance.site.show import plan_json, plan_text

HERE = Path(__file__).parent
EXAMPLES = Path(__file__).parents[3] / "examples"


def plan_of(name: str) -> Plan:
    """Give the Plan of an example seen for the first time."""
    site = load_file(EXAMPLES / f"{name}.yaml").site
    return make_plan(site, propose(site))


@pytest.mark.parametrize("name", ["minimal", "lab-join", "three-node"])
def test_the_text_to_the_letter(name: str) -> None:
    """`shown/*.txt` is what is printed; UPDATE_GOLDEN=1 rewrites it."""
    golden = HERE / "shown" / f"{name}.txt"
    text = plan_text(plan_of(name))
    if "UPDATE_GOLDEN" in os.environ:
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_everything_of_the_plan_is_shown(path: Path) -> None:
    """Every address, MAC, disk, file name and note stands in the text."""
    plan = plan_of(path.stem)
    text = plan_text(plan)
    leaves: list[str] = [plan.base_url, *plan.notes, *(str(address) for _, address in plan.hosts)]
    for network in plan.networks:
        leaves += [str(network.cidr), str(network.gateway), str(network.bridge), str(network.pool)]
    for machine in plan.machines:
        leaves += [*map(str, machine.macs), str(machine.disk or ""), machine.data_disk or ""]
        leaves += [*machine.wipe_disks, machine.ipxe, machine.serial or "", machine.not_armed or ""]
    names = plan.artifacts
    leaves += [names.kernel, names.initrd, names.rootfs, names.iso, names.sums]
    assert [leaf for leaf in leaves if leaf not in text] == []


def test_who_is_not_armed_is_shown_with_the_reason(tmp_path: Path) -> None:
    """In the table, at the machine, and in the last line."""
    path = tmp_path / "site.yaml"
    path.write_text(
        "site: a\nhypervisor: {harvester: v1.8.2, machines: {hv1: {wipe_all_disks: true}}}\n"
    )
    site = load_file(path).site
    text = plan_text(make_plan(site, propose(site)))
    assert "-     NO" in text
    assert "NOT ARMED      no MAC address is given" in text
    assert "EVERY other disk" in text
    assert text.endswith("Armed: no machine. Not armed: hv1.\n")


def test_json_holds_the_plan_and_its_digest() -> None:
    """Programs read the same Plan."""
    plan = plan_of("minimal")
    values = json.loads(plan_json(plan))
    assert values.pop("digest") == plan.digest()
    assert values == plan.as_json()
