"""What is built is not changed: each refusal at its place, with what it would take."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.site.built import image_file_of, refused_changes, registration
from appliance.site.freeze import propose
from appliance.site.places import path_text
from tests.sites import site

RKE2 = "v1.36.3+rke2r1"
WHOLE: dict[str, Any] = {
    "networks__vm": {"cidr": "10.21.0.0/24", "vlan": "21", "gateway": "10.21.0.1"},
    "cluster": {"rke2": RKE2, "servers": "3", "agents": "1"},
    "vms": {"app": {}, "cd": {"iso": "win"}},
    "images": {"win": {"file": "win.iso"}, "own": {"file": "own.img"}},
}
BUILT = frozenset({"hv1", "staging", "server1", "server2", "server3", "agent1", "app", "cd"})


def with_cluster(**changes: Any) -> dict[str, Any]:
    """Give the cluster with these changes."""
    return {"cluster": {**WHOLE["cluster"], **changes}}


def with_app(**said: Any) -> dict[str, Any]:
    """Give the plain machine with these keys."""
    return {"vms": {**WHOLE["vms"], "app": said}}


@pytest.mark.parametrize(
    ("changes", "path", "what"),
    [
        (with_app(network="main"), "vms.app.network", "app was made on network vm"),
        (with_app(address="10.21.0.99"), "vms.app.address", "app was made with 10.21.0.5"),
        (with_app(image="own"), "vms.app.image", "app was made from 20260814_ubuntu-24.04"),
        (with_app(disk="39G"), "vms.app.disk", "none can shrink"),
        (
            {"images": {**WHOLE["images"], "win": {"file": "win2.iso"}}},
            "vms.cd.iso",
            "cd was made from win.iso, not win2.iso",
        ),
        (
            {"networks__vm": {"cidr": "10.22.0.0/24", "vlan": "21"}},
            "networks.vm.cidr",
            "10.22.0.0/24 was 10.21.0.0/24 when virtual machines were made on it",
        ),
        (
            {"networks__vm": {**WHOLE["networks__vm"], "gateway": "10.21.0.9"}},
            "networks.vm.gateway",
            "10.21.0.9 was 10.21.0.1",
        ),
        (
            {"staging": {"enabled": False}},
            "staging",
            "what is installed asks the staging machine at 10.20.0.50",
        ),
        (
            {"staging": {"address": "10.20.0.51"}},
            "staging.address",
            "asks for names and time at 10.20.0.50",
        ),
        (
            with_cluster(rke2="v1.36.4+rke2r1"),
            "cluster.rke2",
            "the cluster was built with v1.36.3+rke2r1",
        ),
        (
            {"cluster": {"k3s": "v1.36.3+k3s1", "agents": "1"}},
            "cluster.k3s",
            "the cluster was built with v1.36.3+rke2r1",
        ),
        (with_cluster(profile="cis"), "cluster.profile", "without the CIS profile"),
        (
            with_cluster(address="10.21.0.100"),
            "cluster.address",
            "joined by cluster.alpha.internal, not 10.21.0.100",
        ),
        ({"domain": "b.internal"}, "domain", "joined by cluster.alpha.internal"),
        (
            with_cluster(servers="1"),
            "cluster.servers",
            "server2, server3 would be taken out of a control plane of 3",
        ),
        (
            with_cluster(sizes={"servers": {"disk": "39G"}}),
            "cluster.sizes.servers.disk",
            "the disk of server1",
        ),
    ],
)
def test_what_is_built_is_not_changed(changes: dict[str, Any], path: str, what: str) -> None:
    """It is refused; while nothing of it is built, it is free."""
    frozen = propose(site(**WHOLE))
    made = site(**{**WHOLE, **changes})
    findings = tuple(refused_changes(made, frozen, BUILT))
    assert path in {path_text(each.path) for each in findings}
    assert any(what in each.what for each in findings)
    assert all(each.fix for each in findings)
    assert propose(made, frozen).site == "alpha"


@pytest.mark.parametrize(
    "changes",
    [
        with_app(cpus="8", memory="16G", disk="80G", running=False, tpm=True),
        with_app(address="10.21.0.54"),
        with_cluster(agents="3", active=False),
        with_cluster(agents="0"),
        with_cluster(servers="5"),
        {"vms": {}},
        {"vms": {**WHOLE["vms"], "new": {}}},
        {"staging": {"memory": "8G"}},
    ],
)
def test_what_may_change_beside_what_is_built(changes: dict[str, Any]) -> None:
    """Larger, more, fewer agents, stopped; the frozen address written down."""
    frozen = propose(site(**WHOLE))
    made = site(**{**WHOLE, **changes})
    assert list(refused_changes(made, frozen, BUILT)) == []
    propose(made, frozen, built=BUILT)


def test_the_cluster_may_not_go_while_it_is_built() -> None:
    """Its machines would be destroyed with it."""
    frozen = propose(site(**WHOLE))
    without = {key: value for key, value in WHOLE.items() if key != "cluster"}
    (finding,) = refused_changes(site(**without), frozen, BUILT)
    assert finding.path == ("cluster",)
    assert "'provision undo SITE --site' takes all" in finding.fix
    assert list(refused_changes(site(**without), frozen, frozenset({"hv1"}))) == []


def test_the_staging_address_is_kept_from_the_first_installed_machine_on() -> None:
    """The hypervisor's machines ask there, before the virtual machine is made."""
    frozen = propose(site(**WHOLE))
    moved = site(**{**WHOLE, "staging": {"address": "10.20.0.99"}})
    (finding,) = refused_changes(moved, frozen, frozenset({"hv1"}))
    assert path_text(finding.path) == "staging.address"


def test_a_site_that_had_no_staging_machine_may_get_one() -> None:
    """Nothing that is built asks it for anything yet."""
    frozen = propose(site())
    grown = site(**WHOLE)
    assert list(refused_changes(grown, frozen, frozenset({"hv1"}))) == []


def test_how_a_cluster_is_joined() -> None:
    """By the site's own address, else by a name of its zone."""
    named, addressed = site(cluster={"rke2": RKE2}), site(cluster={"address": "10.20.0.9"})
    assert named.cluster is not None
    assert addressed.cluster is not None
    assert registration(named, named.cluster) == "cluster.alpha.internal"
    assert registration(addressed, addressed.cluster) == "10.20.0.9"


def test_the_file_of_an_image() -> None:
    """Said, else frozen, else implied; nothing of what is unknown."""
    made = site(images={"own": {"url": "https://x.org/20260101/a.img"}, "b": {"file": "b.img"}})
    kept = {"ubuntu-24.04": "https://x.org/20250101/old.img", "own": "https://x.org/other.img"}
    assert image_file_of(made, kept, "own") == "20260101_a.img"
    assert image_file_of(made, kept, "b") == "b.img"
    assert image_file_of(made, kept, "ubuntu-24.04") == "20250101_old.img"
    assert image_file_of(made, {}, "ubuntu-24.04").startswith("20260814_")
    assert image_file_of(made, kept, "none") == ""
