"""The models: what is implied, what is derived, what cannot be changed."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from appliance.site.fields import GIB
from appliance.site.model import Site
from appliance.site.scalars import NetworkRole
from tests.sites import machine, site, site_values


def test_one_network_is_implied() -> None:
    """A site without networks has one, untagged, where machines boot."""
    values = site_values()
    del values["networks"]
    made = Site.model_validate(values)
    assert made.provisioning == "main"
    assert str(made.networks["main"].cidr) == "10.20.0.0/24"


def test_the_domain_is_implied() -> None:
    """`.internal` is kept free for sites."""
    assert site().zone == "alpha.internal"
    assert site(domain="east.example").zone == "east.example"


def test_main_and_an_only_network_are_for_provisioning() -> None:
    """Other networks are for virtual machines, unless they say otherwise."""
    two = site(networks__vm={"cidr": "10.21.0.0/24", "vlan": "21"})
    assert two.role_of("main") is NetworkRole.PROVISIONING
    assert two.role_of("vm") is NetworkRole.VM
    only = site(networks={"floor": {"cidr": "10.1.0.0/24"}})
    assert only.provisioning == "floor"


def test_mac_and_macs_are_one_list() -> None:
    """What reads machines need not ask which was written."""
    one = site({"hv1": {"mac": "52:54:00:00:00:01"}}).hypervisor.machines["hv1"]
    two = site({"hv1": {"macs": ["52:54:00:00:00:01", "52:54:00:00:00:02"]}})
    assert len(one.all_macs) == 1
    assert len(two.hypervisor.machines["hv1"].all_macs) == 2
    assert site({"hv1": {}}).hypervisor.machines["hv1"].all_macs == ()


def test_defaults_of_sizes() -> None:
    """The documented defaults hold."""
    made = site(cluster={"rke2": "v1.36.3+rke2r1"})
    assert made.cluster is not None
    assert made.cluster.sizes.agents.memory == 4 * GIB
    assert (made.lab.memory, made.lab.cpus, made.lab.disk) == (3 * GIB, 2, 12 * GIB)


def test_a_site_is_what_was_loaded() -> None:
    """No step can change it on the way."""
    made = site()
    with pytest.raises(ValidationError, match="frozen"):
        made.site = "beta"  # type: ignore[misc]  # that it cannot be set is shown here


def test_the_line_of_harvester_is_known() -> None:
    """The version's own type lets only known lines in."""
    assert site().line.uefi_only
    assert not site({"hv1": machine(1)}, hypervisor__harvester="v1.7.3").line.uefi_only


def test_an_identity_wherever_it_stands() -> None:
    """`match` and the keys beside it mean the same."""
    uuid = "4c4c4544-005a-4b10-8037-b4c04f505833"
    mac = "52:54:00:12:34:01"
    inside = {"match": {"mac": mac, "serial": "A1", "uuid": uuid}}
    beside = {"mac": mac, "serial": "A1", "uuid": uuid}
    machines = site({"hv1": inside, "hv2": beside}).hypervisor.machines
    assert machines["hv1"].identity == machines["hv2"].identity
    assert machines["hv1"].all_macs == machines["hv2"].all_macs
    assert str(machines["hv1"].identity) == f"MAC {mac}, serial number A1, UUID {uuid}"
    assert not site({"hv1": {}}).hypervisor.machines["hv1"].identity
