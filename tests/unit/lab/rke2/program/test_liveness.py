"""Leases and majorities, with times that come in."""

from __future__ import annotations

from appliance.lab.rke2.program.liveness import Liveness, Quorum


def test_a_node_is_ready_while_its_lease_is_kept() -> None:
    """Silent for longer than the grace it is Unknown; back, it is Ready again."""
    leases = Liveness(40)
    leases.beat("w1", {"ready": True}, 100, "t100")
    good = leases.condition("w1", 140, "t140")
    lost = leases.condition("w1", 140.1, "t141")
    later = leases.condition("w1", 200, "t200")
    leases.beat("w1", {"ready": True}, 210, "t210")
    back = leases.condition("w1", 211, "t211")

    assert (good.status, good.reason, good.heartbeat) == ("True", "KubeletReady", "t100")
    assert (lost.status, lost.reason) == ("Unknown", "NodeStatusUnknown")
    assert (lost.since, later.since) == ("t141", "t141")
    assert (back.status, back.since) == ("True", "t211")


def test_a_node_says_itself_that_it_is_not_ready() -> None:
    """Its reason and message are kept."""
    leases = Liveness(40)
    word = {"ready": False, "reason": "KubeletNotReady", "message": "no network"}
    leases.beat("w1", word, 0, "t0")
    found = leases.condition("w1", 1, "t1")
    assert (found.status, found.reason, found.message) == ("False", "KubeletNotReady", "no network")


def test_a_node_never_heard_of_is_unknown() -> None:
    """As all are when a server starts, until their next word."""
    leases = Liveness(40)
    assert leases.condition("w1", 0, "t0").reason == "NodeStatusNeverUpdated"
    assert leases.renewed("w1") == ""
    leases.beat("w1", {}, 1, "t1")
    assert leases.renewed("w1") == "t1"
    leases.forget("w1")
    assert leases.condition("w1", 2, "t2").status == "Unknown"


def test_a_majority_is_more_than_half() -> None:
    """One of one, two of three, three of five; silence counts after the grace."""
    quorum = Quorum(15)
    assert quorum.holds(set(), 0)
    assert not quorum.holds({"b"}, 0)
    quorum.heard("b", 10)
    assert quorum.holds({"b"}, 25)
    assert quorum.holds({"b", "c"}, 25)
    assert not quorum.holds({"b", "c", "d", "e"}, 25)
    assert not quorum.holds({"b", "c"}, 25.1)
    assert quorum.present({"b", "c"}, 20) == {"b"}
