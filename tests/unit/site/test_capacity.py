"""Sizes: what Harvester needs, and what the virtual machines need of the hosts."""

from __future__ import annotations

from typing import Any

from appliance.site import capacity, rules
from tests.rule_cases import Case, each, finds_nothing, finds_one_thing, one, two

RKE2 = "v1.36.3+rke2r1"
NO_STAGING: dict[str, Any] = {"staging": {"enabled": False}}
BIG: dict[str, Any] = {"memory": "128G", "cpus": "32", "disk_size": "1T"}

CASES = [
    Case(
        capacity.hardware_large_enough,
        one(memory="58G", cpus="16"),
        one(memory="57G", cpus="16"),
        "hypervisor.machines.hv1.memory",
        "stops below 64G of memory, and this is 57G",
    ),
    Case(
        capacity.hardware_large_enough,
        {**one(memory="3G", cpus="2", disk_size="12G"), "hypervisor__accept_small_hardware": True},
        one(cpus="12"),
        "hypervisor.machines.hv1.cpus",
        "stops below 16 threads, and these are 12",
    ),
    Case(
        capacity.hardware_large_enough,
        one(disk_size="250G"),
        one(disk_size="250GB"),
        "hypervisor.machines.hv1.disk_size",
        "Harvester needs 250G here, and this is 232.8G",
    ),
    Case(
        # Before 1.8 the installer's check of the disk cannot be skipped (harvester#6064).
        capacity.hardware_large_enough,
        {"hypervisor__accept_small_hardware": True, **one(disk_size="12G")},
        {
            "hypervisor__accept_small_hardware": True,
            "hypervisor__harvester": "v1.7.3",
            **one(disk_size="12G"),
        },
        "hypervisor.machines.hv1.disk_size",
        "Harvester needs 250G here",
    ),
    Case(
        capacity.hardware_large_enough,
        one(disk_size="180G", data_disk="/dev/disk/by-id/b", data_disk_size="50G"),
        one(disk_size="180G", data_disk="/dev/disk/by-id/b", data_disk_size="49G"),
        "hypervisor.machines.hv1.data_disk_size",
        "Harvester needs 50G here",
    ),
    Case(
        capacity.vms_fit_memory,
        {
            "cluster": {"rke2": RKE2, "sizes": {"servers": {"memory": "40G"}}},
            **NO_STAGING,
            **one(**BIG),
        },
        {
            "cluster": {"rke2": RKE2, "sizes": {"servers": {"memory": "41G"}}},
            **NO_STAGING,
            **one(**BIG),
        },
        "cluster",
        "need 123G of memory, and the hosts have 120G",
    ),
    Case(
        capacity.vms_fit_memory,
        {"cluster": {"rke2": RKE2, "sizes": {"servers": {"memory": "400G"}}}},
        {
            "cluster": {"rke2": RKE2, "servers": "1", "sizes": {"servers": {"memory": "121G"}}},
            **two(BIG, BIG),
        },
        "cluster",
        "memory of 121G fits into no host",
    ),
    Case(
        capacity.vms_fit_disks,
        {
            "cluster": {"rke2": RKE2, "sizes": {"servers": {"disk": "283G"}}},
            **NO_STAGING,
            **one(**BIG),
        },
        {
            "cluster": {"rke2": RKE2, "sizes": {"servers": {"disk": "284G"}}},
            **NO_STAGING,
            **one(**BIG),
        },
        "cluster",
        "need 852G of disk, and the hosts have 850G",
    ),
    Case(
        # Two machines keep two copies of every volume.
        capacity.vms_fit_disks,
        {
            "cluster": {"rke2": RKE2, "sizes": {"servers": {"disk": "283G"}}},
            **NO_STAGING,
            **two(BIG, BIG),
        },
        {
            "cluster": {"rke2": RKE2, "sizes": {"servers": {"disk": "284G"}}},
            **NO_STAGING,
            **two(BIG, BIG),
        },
        "cluster",
        "need 1704G of disk, and the hosts have 1700G",
    ),
    Case(
        # With a data disk the volumes are on it alone; of unknown size, it is not judged.
        capacity.vms_fit_disks,
        {
            "cluster": {"rke2": RKE2, "sizes": {"servers": {"disk": "9T"}}},
            **one(**BIG, data_disk="/dev/disk/by-id/b"),
        },
        {
            "cluster": {"rke2": RKE2},
            **NO_STAGING,
            **one(**BIG, data_disk="/dev/disk/by-id/b", data_disk_size="100G"),
        },
        "cluster",
        "need 120G of disk, and the hosts have 100G",
    ),
    Case(
        # The staging machine's 2G and a plain machine count as well.
        capacity.vms_fit_memory,
        {"vms": {"app": {"memory": "118G"}}, **one(**BIG)},
        {"vms": {"app": {"memory": "119G"}}, **one(**BIG)},
        "vms",
        "need 121G of memory, and the hosts have 120G",
    ),
]


@each(CASES)
def test_a_site_that_keeps_the_rule(case: Case) -> None:
    """Nothing is found."""
    finds_nothing(case)


@each(CASES)
def test_a_site_that_breaks_the_rule(case: Case) -> None:
    """One thing is found, at its place, in words, with a fix."""
    finds_one_thing(case)


def test_they_are_asked_with_the_other_rules() -> None:
    """`rules.RULES` holds each of them, and each has its cases."""
    assert {case.rule for case in CASES} <= set(rules.RULES)
    assert len({case.rule for case in CASES}) == 3


def test_copies_of_a_volume() -> None:
    """One a machine, at most three; a single node cannot keep two (installer: replica_count)."""
    assert [capacity.storage_replicas(count) for count in (1, 2, 3, 9)] == [1, 2, 3, 3]
