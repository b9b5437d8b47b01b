"""What Terraform is told will be."""

from __future__ import annotations

import copy

from appliance.lab.harvester_provider.planning import (
    UNKNOWN,
    aligned,
    faults,
    plan,
    replaced,
    settled,
)
from appliance.lab.harvester_provider.schema import Attribute, Block, Kind

DISK = Block((Attribute("name", required=True), Attribute("bus", optional=True, computed=True)))
BLOCK = Block(
    (
        Attribute("id", computed=True),
        Attribute("name", required=True, force_new=True),
        Attribute("cpu", Kind.NUMBER, optional=True, default=1),
        Attribute("note", optional=True),
    ),
    {"disk": DISK, "timeouts": Block((Attribute("create", optional=True),), single=True)},
)


def test_a_new_thing() -> None:
    """Defaults are filled in; what is found later is unknown, in blocks too."""
    proposed = {
        "id": None,
        "name": "one",
        "cpu": None,
        "note": None,
        "disk": [{"name": "root", "bus": None}],
        "timeouts": {"create": "5m"},
    }
    assert plan(BLOCK, None, proposed) == {
        "id": UNKNOWN,
        "name": "one",
        "cpu": 1,
        "note": None,
        "disk": [{"name": "root", "bus": UNKNOWN}],
        "timeouts": {"create": "5m"},
    }


def test_nothing_said_is_no_change() -> None:
    """An empty text that was read back and null that is said are the same."""
    prior = {"id": "x", "name": "one", "cpu": 2, "note": "", "disk": [], "timeouts": None}
    planned = plan(BLOCK, prior, {**prior, "note": None})
    assert planned == prior


def test_a_block_more_is_made_anew_the_others_stay() -> None:
    """What is computed in a block that was there keeps its value; in a new one it is unknown."""
    prior = {"id": "x", "name": "one", "cpu": 1, "note": None, "timeouts": None}
    before = [{"name": "root", "bus": "virtio"}]
    proposed = {**prior, "disk": [*before, {"name": "data", "bus": None}]}
    planned = plan(BLOCK, {**prior, "disk": before}, proposed)
    assert [each["bus"] for each in planned["disk"]] == ["virtio", UNKNOWN]


def test_a_block_list_may_be_unknown() -> None:
    """Blocks whose number hangs on another thing are unknown as a whole."""
    assert plan(BLOCK, None, {"name": "one", "disk": UNKNOWN})["disk"] is UNKNOWN


def test_replaced() -> None:
    """Another name makes it anew; another number of CPUs does not."""
    prior = {"name": "one", "cpu": 1}
    assert list(replaced(BLOCK, prior, {"name": "two", "cpu": 2})) == ["name"]


def test_faults_name_their_place() -> None:
    """A fault in a block is told with the block's name; unknown values have none."""
    block = Block((), {"disk": Block((Attribute("type", choices=("disk",)),), maximum=1)})
    config = {"disk": [{"type": "tape"}, {"type": UNKNOWN}]}
    assert [where for where, _ in faults(block, config)] == ["disk", "disk.type"]


def test_settled() -> None:
    """Nothing is unknown after an apply, however deep."""
    assert settled({"a": [UNKNOWN, {"b": UNKNOWN}], "c": 1}) == {"a": [None, {"b": None}], "c": 1}


def test_aligned_gives_every_argument() -> None:
    """What was read gets the form that was said, and no argument is left out."""
    known = {"name": "one", "note": None, "timeouts": {"create": "5m"}}
    assert aligned(BLOCK, {"name": "one", "note": "", "disk": [{"name": "root"}]}, known) == {
        "id": None,
        "name": "one",
        "cpu": None,
        "note": None,
        "disk": [{"name": "root", "bus": None}],
        "timeouts": {"create": "5m"},
    }


def test_there_is_one_unknown() -> None:
    """A copy of it is it."""
    assert copy.deepcopy([UNKNOWN])[0] is UNKNOWN
    assert repr(UNKNOWN) == "UNKNOWN"
