"""The Plan's own types: JSON, digest, look-ups, names of files."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address

from appliance.site.plan import AddressRange, ArtifactNames, DiskPlan
from tests.plans import machine, plan


def test_a_range_holds_both_its_ends() -> None:
    """First and last are included."""
    pool = AddressRange(IPv4Address("10.0.0.5"), IPv4Address("10.0.0.9"))
    inside = [n for n in range(4, 11) if IPv4Address(f"10.0.0.{n}") in pool]
    assert inside == [5, 6, 7, 8, 9]
    assert str(pool) == "10.0.0.5 to 10.0.0.9"


def test_a_disk_is_shown_by_what_names_it() -> None:
    """Path before selector; nothing for none."""
    assert str(DiskPlan("/dev/disk/by-id/x", None)) == "/dev/disk/by-id/x"
    assert str(DiskPlan(None, "usb")) == "usb"
    assert str(DiskPlan(None, None)) == ""


def test_harvesters_own_file_names() -> None:
    """As they are published (facts 1.7)."""
    names = ArtifactNames.of("v1.8.2")
    assert names.rootfs == "harvester-v1.8.2-rootfs-amd64.squashfs"
    assert names.sums == "harvester-v1.8.2-amd64.sha512"


def test_machines_are_found_by_name() -> None:
    """None for a name that no machine has."""
    made = plan(machine(1), machine(2))
    assert made.machine("hv2") is made.machines[1]
    assert made.machine("hv9") is None
    assert made.create is made.machines[0]
    assert made.provisioning is made.networks[0]


def test_the_digest_is_of_the_whole_plan() -> None:
    """The same Plan has the same; any change another."""
    made = plan()
    assert made.digest() == plan().digest()
    assert made.digest() != replace(made, zone="other").digest()
    assert len(made.digest()) == 64


def test_the_plan_is_json() -> None:
    """Addresses, MACs and enums as the texts people write."""
    values = json.loads(json.dumps(plan().as_json()))
    assert values["networks"][0]["cidr"] == "10.20.0.0/24"
    assert values["machines"][0]["role"] == "create"
    assert values["machines"][0]["disk"]["path"] == "/dev/disk/by-id/nvme-disk"
