"""Plans as `terraform show -json` gives them: recorded, or made by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import StepError
from appliance.vms.changes import Action, Changes, Difference, parse_plan
from appliance.vms.events import Counts

CAPTURES = Path(__file__).parents[2] / "captures" / "terraform"
VM = {
    "address": 'module.machine["srv1"].harvester_virtualmachine.this',
    "module_address": 'module.machine["srv1"]',
    "mode": "managed",
    "type": "harvester_virtualmachine",
    "name": "this",
}


def changed(before: Any, after: Any, **more: Any) -> dict[str, Any]:
    """Give one resource's entry."""
    said = {"actions": ["update"], "before": before, "after": after, **more}
    return {**VM, "change": said}


def plan(*changes: dict[str, Any], drift: tuple[dict[str, Any], ...] = ()) -> Changes:
    """Read a plan of these entries."""
    shown = {"format_version": "1.2", "resource_changes": changes, "resource_drift": drift}
    return parse_plan(json.dumps(shown), "digest")


def recorded(name: str) -> Changes:
    """Read a recorded plan."""
    return parse_plan((CAPTURES / name).read_text())


def test_a_first_plan() -> None:
    """Everything is to be made."""
    changes = recorded("plan.json")
    assert changes.counts == Counts(add=2)
    assert changes.lines() == ("make terraform data srv1", "make terraform data srv2")
    assert changes.resources[0].values == {"input": "a", "triggers_replace": None}


def test_alter_and_remove() -> None:
    """What changes is told with both values; what goes, goes by name."""
    changes = recorded("altered.json")
    assert changes.lines() == (
        "alter terraform data srv1: input: a → c",
        "remove terraform data srv2",
    )
    assert changes.counts == Counts(change=1, remove=1)


def test_what_was_left_half_made_is_replaced() -> None:
    """With the reason; it counts as made and removed, as Terraform counts."""
    (change,) = (each for each in recorded("tainted.json").resources)
    assert str(change) == "replace terraform data bad (it was left half made)"
    assert recorded("tainted.json").counts == Counts(add=1, remove=1)


def test_nothing_to_do() -> None:
    """No-op, reads and outputs are no changes."""
    kept = changed({"cpu": 1}, {"cpu": 1}) | {"change": {"actions": ["no-op"]}}
    read = {**VM, "mode": "data", "change": {"actions": ["read"]}}
    changes = plan(kept, read)
    assert (changes.is_empty, str(changes), changes.plan) == (True, "nothing to do", "digest")


def test_nested_settings_are_named_by_their_path() -> None:
    """A list of one needs no number, longer ones do."""
    before = {"cpu": 1, "disk": [{"size": "1Gi", "bus": "virtio"}], "tags": {"a": "b"}, "l": [1, 2]}
    after = {"cpu": 2, "disk": [{"size": "2Gi", "bus": "virtio"}], "tags": {}, "l": [1, 3]}
    (change,) = plan(changed(before, after)).resources
    assert change.differences == (
        Difference("cpu", "1", "2"),
        Difference("disk.size", "1Gi", "2Gi"),
        Difference("l[1]", "2", "3"),
        Difference("tags.a", "b", "nothing"),
    )


def test_secrets_and_unknowns_are_not_shown() -> None:
    """What Terraform marks sensitive is masked; what it does not know yet is no difference."""
    (change,) = plan(
        changed(
            {"key": "old", "inner": {"token": "t1"}, "id": "x"},
            {"key": "new", "inner": {"token": "t2"}},
            before_sensitive={"key": True},
            after_sensitive={"inner": {"token": True}},
            after_unknown={"id": True},
        )
    ).resources
    assert [str(each) for each in change.differences] == [
        "inner.token: ****** → ******",
        "key: ****** → ******",
    ]


def test_long_values_are_cut() -> None:
    """Netplan text is no line."""
    (change,) = plan(changed({"network_data": "a\nb"}, {"network_data": "c " * 99})).resources
    assert change.differences[0].before == "a b"
    assert len(change.differences[0].after) == 60


def test_taken_over() -> None:
    """An import alone is a change too, and so is one that alters."""
    alone = {**VM, "change": {"actions": ["no-op"], "importing": {"id": "default/srv1"}}}
    assert plan(alone).lines() == ("take over virtual machine srv1 (it is there already)",)
    both = changed({"cpu": 1}, {"cpu": 2}, importing={"id": "default/srv1"})
    (change,) = plan(both).resources
    assert (change.action, change.adopted) == (Action.ALTER, True)
    assert plan(both).counts == Counts(change=1, adopt=1)


def test_drift_is_what_the_plan_would_answer() -> None:
    """Somebody gave it less memory: named with both values. A leased address is nobody's doing."""
    drift = changed({"memory": "4Gi", "state": ""}, {"memory": "1Gi", "state": ""})
    answer = changed({"memory": "1Gi"}, {"memory": "4Gi"})
    assert plan(answer, drift=(drift,)).findings() == (
        "virtual machine srv1: memory is 1Gi, was 4Gi",
    )
    leased = changed({"ip": ""}, {"ip": "10.20.0.9"})
    assert plan(drift=(leased,)).findings() == ()


def machine_change(memory: str, *disks: str, actions: tuple[str, ...] = ("update",)) -> Changes:
    """Plan an update of a machine that had these disks and is to have the first."""
    named = [{"name": each, "size": "10Gi"} for each in disks]
    change = {
        "address": "harvester_virtualmachine.one",
        "mode": "managed",
        "type": "harvester_virtualmachine",
        "name": "one",
        "change": {
            "actions": list(actions),
            "before": {"memory": "1Gi", "disk": named},
            "after": {"memory": memory, "disk": named[:1]},
            "after_unknown": {"disk": [{}]},
        },
    }
    return plan(change)


def test_the_disk_of_cloud_init_is_none() -> None:
    """The provider's phantom disk (harvester#10728) is no change; a real disk is, so is memory."""
    assert machine_change("1Gi", "root", "cloudinitdisk").is_empty
    [more] = machine_change("2Gi", "root", "cloudinitdisk").resources
    assert [each.setting for each in more.differences] == ["memory"]
    assert not machine_change("1Gi", "root", "data").is_empty
    assert not machine_change("1Gi", "root", "data", "cloudinitdisk").is_empty


def test_what_is_gone() -> None:
    """Removed behind Terraform's back; what merely differs is told by what would be done."""
    gone = {**VM, "change": {"actions": ["delete"], "before": {"cpu": 1}, "after": None}}
    make = {**VM, "change": {"actions": ["create"], "before": None, "after": {"cpu": 1}}}
    other = {**make, "address": "harvester_image.x", "type": "harvester_image", "name": "x"}
    other.pop("module_address")
    assert plan(make, other, drift=(gone,)).findings() == (
        "virtual machine srv1 is gone",
        "to make image x",
    )


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format_version": "2.0"}'])
def test_no_plan(text: str) -> None:
    """Not JSON, not a plan, a plan of another major: refused in a sentence."""
    with pytest.raises(StepError, match="Terraform's plan"):
        parse_plan(text)
