"""Discovery."""

from __future__ import annotations

from appliance.lab.rke2.program import kinds


def test_every_kind_is_found_by_its_name() -> None:
    """And no other."""
    for each in kinds.KINDS:
        assert kinds.find(each.group, each.plural) is each
    assert kinds.find("", "replicationcontrollers") is None


def test_discovery_names_groups_and_resources() -> None:
    """The core group has no name; each other group has version v1."""
    names = [group["name"] for group in kinds.groups()["groups"]]
    assert names == ["apps", "batch", "coordination.k8s.io"]
    assert kinds.core_versions("a:6443")["versions"] == ["v1"]
    core = kinds.resources("")
    assert core is not None
    assert core["groupVersion"] == "v1"
    assert "nodes" in {each["name"] for each in core["resources"]}
    assert kinds.resources("none") is None
    assert kinds.group("none") is None
    apps = kinds.group("apps")
    assert apps is not None
    assert apps["preferredVersion"]["groupVersion"] == "apps/v1"


def test_what_only_shows_may_not_be_written() -> None:
    """Pods are shown, nodes may be changed but not made, the rest is free."""
    verbs = {each.plural: set(each.verbs) for each in kinds.KINDS}
    assert verbs["pods"] == {"get", "list", "watch"}
    assert "create" not in verbs["nodes"]
    assert "patch" in verbs["nodes"]
    assert "create" in verbs["configmaps"]
    assert [k.name for k in kinds.KINDS if k.group == "apps"] == [
        "daemonsets.apps",
        "deployments.apps",
    ]
