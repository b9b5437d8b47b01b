"""One server's state, and the conditions under which it is written."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from appliance.lab.rke2.program.cluster import NO_LEADER, TIMED_OUT, NoQuorumError
from tests.unit.lab.rke2.program.known import Sent, cluster, record


def test_a_write_reaches_the_others(tmp_path: Path) -> None:
    """With the stamp it has here."""
    sent = Sent()
    sent.taken_by = 1
    made = cluster(tmp_path, "cp2", sent=sent)
    made.write({"nodes/a": {"x": 1}})
    assert sent.entries[-1]["nodes/a"][1:] == ["cp1", {"x": 1}]


def test_without_a_majority_nothing_is_written(tmp_path: Path) -> None:
    """Neither read: the caller asks first."""
    made = cluster(tmp_path, "cp2", "cp3")
    made.quorum.heard("cp2", time.monotonic() - 1e6)
    made.quorum.heard("cp3", time.monotonic() - 1e6)
    assert not made.has_quorum()
    with pytest.raises(NoQuorumError, match=NO_LEADER):
        made.write({"a": {}})
    assert made.store.get("a") is None


def test_a_write_that_a_majority_did_not_take_is_an_error(tmp_path: Path) -> None:
    """Heard of a moment ago, and gone now."""
    with pytest.raises(NoQuorumError, match=TIMED_OUT):
        cluster(tmp_path, "cp2", "cp3").write({"a": {}})


def test_a_node_keeps_what_people_changed(tmp_path: Path) -> None:
    """Its id, its first moment, labels and cordon; a restart in the same boot counts no boot."""
    made = cluster(tmp_path)
    made.register(record("w1"))
    first = made.store.get("nodes/w1") or {}
    changed = {**first, "unschedulable": True, "labels": {**first["labels"], "mine": "1"}}
    made.write({"nodes/w1": changed})
    made.register(record("w1", labels={"kubernetes.io/hostname": "w1", "new": "2"}))
    made.register(record("w1", boot="boot-2"))
    last = made.store.get("nodes/w1") or {}

    assert last["uid"] == first["uid"]
    assert last["created"] == first["created"]
    assert last["unschedulable"]
    assert {"mine", "new"} <= last["labels"].keys()
    assert (first["boots"], last["boots"]) == (1, 2)


def test_a_second_registration_that_says_the_same_writes_nothing(tmp_path: Path) -> None:
    """So that starting anew changes nothing."""
    made = cluster(tmp_path)
    made.register(record("w1"))
    before = made.store.version
    made.register(record("w1"))
    assert made.store.version == before


def test_each_node_has_a_network_of_its_own(tmp_path: Path) -> None:
    """The first that is free."""
    made = cluster(tmp_path)
    for name in ("a", "b", "c"):
        made.register(record(name))
    made.delete_node("b")
    made.register(record("d"))
    found = {name: node["podCIDR"] for name, node in made.store.below("nodes/").items()}
    assert found == {"a": "10.42.0.0/24", "c": "10.42.2.0/24", "d": "10.42.1.0/24"}


def test_a_deleted_server_is_no_member_any_more(tmp_path: Path) -> None:
    """As upstream takes it out of etcd."""
    sent = Sent()
    sent.taken_by = 1
    made = cluster(tmp_path, "cp2", sent=sent)
    made.register(record("cp2", role="server"))
    made.delete_node("cp2")
    assert made.others() == {}
    assert made.nodes() == []


def test_objects_follow_leases(tmp_path: Path) -> None:
    """A node is Ready from its first word on."""
    made = cluster(tmp_path)
    made.register(record("w1"))
    before = {o["metadata"]["name"]: o for _, o in made.objects() if o["kind"] == "Node"}
    made.liveness.beat("w1", {}, time.monotonic(), "2026-01-01T00:00:00Z")
    after = {o["metadata"]["name"]: o for _, o in made.objects() if o["kind"] == "Node"}

    assert before["w1"]["status"]["conditions"][-1]["status"] == "Unknown"
    assert after["w1"]["status"]["conditions"][-1]["status"] == "True"
