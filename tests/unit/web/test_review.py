"""What is shown before anything is begun."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from appliance.discover.report import Content, Disk, Report
from appliance.site.freeze import propose
from appliance.site.load import load_file
from appliance.site.make_plan import make_plan
from appliance.site.plan import Plan
from appliance.site.rules import RULES
from appliance.web.review import erasures, not_armed, rule_verdicts, unconfirmed

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
THREE = (EXAMPLES / "three-node.yaml").read_text()


def plan_of(name: str) -> Plan:
    """Plan an example."""
    site = load_file(EXAMPLES / name).site
    return make_plan(site, propose(site))


def test_every_rule_is_asked_and_says_what_it_demands() -> None:
    """A right file keeps all of them."""
    verdicts = rule_verdicts(THREE)

    assert len(verdicts) == len(RULES)
    assert all(each.holds and each.demands.endswith((".", ")")) for each in verdicts)
    keys = re.compile("[`#]|[a-z]_[a-z]")
    assert [each.demands for each in verdicts if keys.search(each.demands)] == []


def test_a_broken_rule_says_where_and_what_to_do() -> None:
    """The others still hold."""
    verdicts = rule_verdicts(THREE.replace("vip: 10.20.0.10", "vip: 10.20.0.11"))
    (broken,) = [each for each in verdicts if not each.holds]

    assert broken.name == "addresses_unique"
    assert broken.demands == "No address is given twice."
    assert broken.problems[0].line > 0
    assert broken.problems[0].fix == "give each its own address"


def test_no_rule_is_asked_of_what_cannot_be_read() -> None:
    """Values come first."""
    assert rule_verdicts("site: alpha\nhypervisor: {harvester: newest}\n") == ()
    assert rule_verdicts("") == ()


def test_what_a_machine_loses_is_named_disk_by_disk() -> None:
    """Without a report the file's own words, and nothing is said of what is on them."""
    lost = erasures(plan_of("three-node.yaml"), {})

    assert [each.machine for each in lost] == ["hv1", "hv2", "hv3"]
    assert [each.why for each in lost[2].disks] == [
        "Harvester is installed on it",
        "it is for the virtual machines' volumes",
        "the site file has it wiped",
    ]
    assert {each.holds for each in lost[2].disks} == {""}


def test_what_a_report_found_is_shown() -> None:
    """The system that somebody may still need."""
    plan = plan_of("three-node.yaml")
    path = plan.machines[0].disk.path if plan.machines[0].disk else None
    assert path
    disk = Disk(
        "nvme0n1",
        size=480 << 30,
        by_path=(path,),
        model="PM9A3",
        contents=(Content(kind="ntfs", where="nvme0n1p2", label="Accounts"),),
    )
    report = Report(vendor="Dell", product="R640", disks=(disk, Disk("sda", model="Old")))
    (first, *_) = erasures(plan, {"hv1": report})

    assert first.who.startswith("Dell R640")
    assert first.disks[0].name.startswith("nvme0n1: PM9A3")
    assert "ntfs 'Accounts'" in first.disks[0].holds

    machine = replace(plan.machines[0], wipe_all_disks=True, data_disk=None)
    (all_of_it, *_) = erasures(replace(plan, machines=(machine,)), {"hv1": report})
    assert [each.name for each in all_of_it.disks][1:] == ["sda, Old"]
    assert all_of_it.disks[1].holds == "nothing was found on it"


def test_what_is_installed_or_not_armed_loses_nothing() -> None:
    """Only what the next run erases is asked about."""
    assert erasures(plan_of("three-node.yaml"), {}, {"hv1", "hv2", "hv3"}) == ()

    plan = plan_of("lab-discover.yaml")
    held = dict(not_armed(plan))
    assert held
    assert not {each.machine for each in erasures(plan, {})} & held.keys()


def test_a_machine_is_confirmed_by_its_whole_name() -> None:
    """Not by another's, not by nothing; blanks around it are forgiven."""
    lost = erasures(plan_of("three-node.yaml"), {})

    assert unconfirmed(lost, {each.machine: f" {each.machine} " for each in lost}) == {}
    wrong = unconfirmed(lost, {"hv1": "hv2", "hv2": "HV2", "hv3": "hv3"})
    assert wrong.keys() == {"hv1", "hv2"}
    assert wrong["hv1"].fix == "type hv1"
