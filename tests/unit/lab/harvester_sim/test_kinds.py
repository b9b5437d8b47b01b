"""Kinds and discovery."""

from __future__ import annotations

from appliance.lab.harvester_sim import kinds


def test_every_kind_is_found_by_its_path() -> None:
    """No two kinds share a path."""
    for kind in kinds.KINDS:
        assert kinds.find(kind.group, kind.version, kind.plural) is kind
    assert kinds.find("apps", "v1", "deployments") is None


def test_discovery_leads_to_every_kind() -> None:
    """`/apis` names each group, each group its version, and that its kinds."""
    groups = kinds.discover("/apis")
    assert groups is not None
    named = {
        line["name"]: version["version"]
        for line in groups["groups"]
        for version in line["versions"]
    }
    for kind in kinds.KINDS:
        path = f"/apis/{kind.group}/{named[kind.group]}" if kind.group else "/api/v1"
        listed = kinds.discover(path)
        assert listed is not None
        (line,) = (each for each in listed["resources"] if each["name"] == kind.plural)
        assert line["kind"] == kind.kind
        assert line["namespaced"] is kind.namespaced


def test_discovery_of_what_is_not_served_is_none() -> None:
    """Neither a group, nor a version, nor an object's path."""
    for path in ("/apis/apps", "/apis/kubevirt.io/v2", "/api/v1/nodes", "/", "/metrics"):
        assert kinds.discover(path) is None
    assert kinds.discover("/api/") == kinds.discover("/api")
    group = kinds.discover("/apis/kubevirt.io")
    assert group is not None
    assert group["preferredVersion"]["groupVersion"] == "kubevirt.io/v1"


def test_the_actions_on_machines_are_listed() -> None:
    """kubectl refuses a server that lists a group with nothing in it."""
    listed = kinds.discover("/apis/subresources.kubevirt.io/v1")
    assert listed is not None
    names = [line["name"] for line in listed["resources"]]
    assert names == [f"virtualmachines/{action}" for action in kinds.ACTIONS]
