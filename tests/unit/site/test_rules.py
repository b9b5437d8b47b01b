"""Every rule between values: a site that keeps it and one that breaks it."""

from __future__ import annotations

from appliance.paths import Paths
from appliance.site import bmc_rules, match_rules, rules, vm_rules
from appliance.site.capacity import hardware_large_enough, vms_fit_disks, vms_fit_memory
from appliance.site.places import path_text
from tests.rule_cases import Case, each, finds_nothing, finds_one_thing, one, two
from tests.sites import site

RKE2 = "v1.36.3+rke2r1"

CASES = [
    Case(
        rules.site_id_free,
        {},
        {"site": "depot"},
        "site",
        "the laptop keeps the files of all sites under the name depot",
    ),
    Case(
        rules.one_provisioning_network,
        {"networks__vm": {"cidr": "10.21.0.0/24"}},
        {"networks__vm": {"cidr": "10.21.0.0/24", "role": "provisioning"}},
        "networks.vm.role",
        "network main is for provisioning already",
    ),
    Case(
        rules.one_provisioning_network,
        {},
        {"networks__main__role": "vm"},
        "networks",
        "no network is for provisioning",
    ),
    Case(
        rules.networks_have_subnets,
        {"networks__vm": {"cidr": "10.21.0.0/24", "vlan": "21"}},
        {"networks__vm": {"vlan": "21"}},
        "networks.vm.cidr",
        "no subnet is given",
    ),
    Case(
        rules.networks_apart,
        {"networks__vm": {"cidr": "10.21.0.0/24", "vlan": "21"}},
        {"networks__vm": {"cidr": "10.20.0.0/16", "vlan": "21"}},
        "networks.vm.cidr",
        "10.20.0.0/16 overlaps 10.20.0.0/24 of network main",
    ),
    Case(
        rules.networks_apart,
        {"networks__vm": {"cidr": "10.21.0.0/24", "vlan": "21"}},
        {"networks__vm": {"cidr": "10.21.0.0/24"}},
        "networks.vm.vlan",
        "network main is untagged as well",
    ),
    Case(
        rules.networks_apart,
        {"networks__main__vlan": "20", "networks__vm": {"cidr": "10.21.0.0/24", "vlan": "21"}},
        {"networks__main__vlan": "20", "networks__vm": {"cidr": "10.21.0.0/24", "vlan": "20"}},
        "networks.vm.vlan",
        "network main is on VLAN 20 as well",
    ),
    Case(
        rules.networks_beside_clusters,
        {},
        {"networks__main__cidr": "10.53.4.0/24"},
        "networks.main.cidr",
        "overlaps 10.53.0.0/16, which Harvester's services use",
    ),
    Case(
        rules.networks_beside_clusters,
        {"networks__main__cidr": "10.42.0.0/24"},
        {"networks__main__cidr": "10.42.0.0/24", "cluster": {"rke2": RKE2}},
        "networks.main.cidr",
        "overlaps 10.42.0.0/16, which the cluster's pods use",
    ),
    Case(
        rules.network_has_room,
        {"networks__main__cidr": "10.20.0.0/28"},
        {"networks__main__cidr": "10.20.0.0/29"},
        "networks.main.cidr",
        "a /29 is too small",
    ),
    Case(
        rules.network_has_room,
        {"networks__main__cidr": "10.0.0.0/8"},
        {"networks__main__cidr": "0.0.0.0/0"},
        "networks.main.cidr",
        "a /0 is too large",
    ),
    Case(
        rules.network_addresses_inside,
        {"networks__main__gateway": "10.20.0.254"},
        {"networks__main__gateway": "10.20.1.1"},
        "networks.main.gateway",
        "10.20.1.1 is not in 10.20.0.0/24",
    ),
    Case(
        rules.network_addresses_inside,
        {"networks__main__bridge": "10.20.0.5"},
        {"networks__main__bridge": "10.20.0.255"},
        "networks.main.bridge",
        "broadcast address",
    ),
    Case(
        rules.network_addresses_inside,
        {"networks__main__pool": "10.20.0.200 to 10.20.0.254"},
        {"networks__main__pool": "10.20.0.200 to 10.20.1.20"},
        "networks.main.pool",
        "10.20.1.20 is not in",
    ),
    Case(
        rules.site_addresses_inside,
        {"hypervisor__vip": "10.20.0.10"},
        {"hypervisor__vip": "10.20.0.0"},
        "hypervisor.vip",
        "the network's own address",
    ),
    Case(
        rules.site_addresses_inside,
        one(address="10.20.0.11"),
        one(address="192.168.1.11"),
        "hypervisor.machines.hv1.address",
        "192.168.1.11 is not in 10.20.0.0/24",
    ),
    Case(
        rules.addresses_outside_pool,
        {"networks__main__pool": "10.20.0.200-10.20.0.250", "hypervisor__vip": "10.20.0.199"},
        {"networks__main__pool": "10.20.0.200-10.20.0.250", "hypervisor__vip": "10.20.0.200"},
        "hypervisor.vip",
        "inside the dynamic range",
    ),
    Case(
        rules.addresses_outside_pool,
        {"networks__main__pool": "10.20.0.200-10.20.0.250", **one(address="10.20.0.251")},
        {"networks__main__pool": "10.20.0.200-10.20.0.250", **one(address="10.20.0.250")},
        "hypervisor.machines.hv1.address",
        "inside the dynamic range",
    ),
    Case(
        rules.addresses_outside_pool,
        {"networks__main": {"pool": "10.20.0.9-10.20.0.20", "gateway": "10.20.0.8"}},
        {"networks__main": {"pool": "10.20.0.9-10.20.0.20", "gateway": "10.20.0.9"}},
        "networks.main.gateway",
        "inside the dynamic range",
    ),
    Case(
        rules.addresses_unique,
        two({"address": "10.20.0.11"}, {"address": "10.20.0.12"}),
        two({"address": "10.20.0.11"}, {"address": "10.20.0.11"}),
        "hypervisor.machines.hv2.address",
        "10.20.0.11 is also hypervisor.machines.hv1.address",
    ),
    Case(
        rules.addresses_unique,
        {"hypervisor__vip": "10.20.0.2"},
        {"hypervisor__vip": "10.20.0.1"},
        "hypervisor.vip",
        "10.20.0.1 is also networks.main.gateway",
    ),
    Case(
        rules.macs_unique,
        two({}, {"mac": "52:54:00:00:00:02"}),
        two({}, {"mac": "52-54-00-12-34-01"}),
        "hypervisor.machines.hv2.mac",
        "52:54:00:12:34:01 is also hypervisor.machines.hv1.mac",
    ),
    Case(
        rules.mac_or_macs,
        one(),
        one(macs=["52:54:00:00:00:02"]),
        "hypervisor.machines.hv1.macs",
        "mac and macs are both given",
    ),
    Case(
        rules.hostnames_unique,
        two({"hostname": "a"}, {"hostname": "b"}),
        two({"hostname": "hv2"}, {}),
        "hypervisor.machines.hv2",
        "hv2 is also hypervisor.machines.hv1.hostname",
    ),
    Case(
        rules.hostnames_unique,
        one(),
        one(hostname="harvester"),
        "hypervisor.machines.hv1.hostname",
        "belongs to the site itself",
    ),
    Case(
        rules.identifiers_unique,
        two({"serial": "1"}, {"serial": "2"}),
        two({"serial": "1"}, {"serial": "1"}),
        "hypervisor.machines.hv2.serial",
        "1 is also hypervisor.machines.hv1.serial",
    ),
    Case(
        rules.identifiers_unique,
        two({"uuid": "4c4c4544-0042-3510-8052-b4c04f4d3732"}, {}),
        two(
            {"uuid": "4c4c4544-0042-3510-8052-b4c04f4d3732"},
            {"uuid": "4C4C4544-0042-3510-8052-B4C04F4D3732"},
        ),
        "hypervisor.machines.hv2.uuid",
        "is also hypervisor.machines.hv1.uuid",
    ),
    Case(
        rules.disks_unique,
        two({"disk": "/dev/disk/by-path/a"}, {"disk": "/dev/disk/by-path/a"}),
        two({"disk": "/dev/disk/by-id/a"}, {"disk": "/dev/disk/by-id/a"}),
        "hypervisor.machines.hv2.disk",
        "is also hypervisor.machines.hv1.disk",
    ),
    Case(
        rules.disks_unique,
        one(data_disk="/dev/disk/by-id/b"),
        one(data_disk="/dev/disk/by-id/nvme-disk-1"),
        "hypervisor.machines.hv1.data_disk",
        "is also hypervisor.machines.hv1.disk",
    ),
    Case(
        rules.disks_sensible,
        one(wipe_disks=["/dev/disk/by-id/b"]),
        one(wipe_disks=["/dev/disk/by-id/b"], wipe_all_disks="true"),
        "hypervisor.machines.hv1.wipe_disks",
        "wipe_all_disks wipes these already",
    ),
    Case(
        rules.disks_sensible,
        one(wipe_all_disks="true"),
        one(wipe_disks=["/dev/disk/by-id/nvme-disk-1"]),
        "hypervisor.machines.hv1.wipe_disks[0]",
        "is installed on",
    ),
    Case(
        rules.disks_sensible,
        one(disk="/dev/disk/by-path/a", data_disk="/dev/disk/by-path/b"),
        one(disk="/dev/disk/by-path/a", data_disk="/dev/disk/by-path/a"),
        "hypervisor.machines.hv1.data_disk",
        "this is the disk to install on",
    ),
    Case(
        rules.disks_sensible,
        one(data_disk="/dev/disk/by-id/b", data_disk_size="1T"),
        one(data_disk_size="1T"),
        "hypervisor.machines.hv1.data_disk_size",
        "there is no data_disk",
    ),
    Case(
        rules.one_create,
        two({}, {"role": "create"}),
        two({"role": "create"}, {"role": "create"}),
        "hypervisor.machines.hv2.role",
        "hv1 creates the cluster already",
    ),
    Case(
        rules.one_create,
        two({}, {"role": "join"}),
        two({"role": "join"}, {"role": "join"}),
        "hypervisor.machines",
        "every machine joins",
    ),
    Case(
        rules.firmware_can_boot,
        {"hypervisor__harvester": "v1.7.3", **one(firmware="bios")},
        one(firmware="bios"),
        "hypervisor.machines.hv1.firmware",
        "Harvester v1.8.2 installs on UEFI only",
    ),
    Case(
        rules.firmware_can_boot,
        {
            "hypervisor__harvester": "v1.7.3",
            **one(firmware="bios", ipxe="undionly.kpxe"),
        },
        {"hypervisor__harvester": "v1.7.3", **one(firmware="bios", ipxe="ipxe.efi")},
        "hypervisor.machines.hv1.ipxe",
        "ipxe.efi cannot start on firmware bios",
    ),
    Case(
        rules.cluster_sensible,
        {"cluster": {"rke2": RKE2, "servers": "1"}},
        {"cluster": {"rke2": RKE2, "servers": "2"}},
        "cluster.servers",
        "2 servers bear no more failures than 1",
    ),
    Case(
        rules.cluster_sensible,
        {"cluster": {"k3s": "v1.36.3+k3s1"}},
        {"cluster": {"k3s": "v1.36.3+k3s1", "rke2": RKE2}},
        "cluster.k3s",
        "rke2 is given as well",
    ),
    Case(
        rules.cluster_sensible,
        {},
        {"cluster": {"servers": "1"}},
        "cluster",
        "no version is given",
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


def test_every_rule_has_its_cases() -> None:
    """A new rule comes with a site that keeps it and one that breaks it."""
    judged_elsewhere: set[rules.Rule] = {hardware_large_enough, vms_fit_disks, vms_fit_memory}
    others = (vm_rules.__name__, match_rules.__name__, bmc_rules.__name__)
    judged_elsewhere |= {rule for rule in rules.RULES if rule.__module__ in others}
    assert {case.rule for case in CASES} == set(rules.RULES) - judged_elsewhere


def test_no_site_falls_on_a_folder_of_the_laptop() -> None:
    """The names that `Paths` keeps for all sites are refused: as an id, or as no RFC 1123 label."""
    shared = {
        getattr(Paths(), name).name
        for name, member in vars(Paths).items()
        if isinstance(member, property)
    }
    assert shared
    assert {name for name in shared if "." not in name} == set(rules.LAPTOP_FOLDERS)


def test_all_rules_are_asked() -> None:
    """Findings of several rules come together."""
    found = rules.broken_rules(site(hypervisor__vip="10.20.0.1", cluster={"servers": "2"}))
    assert [path_text(finding.path) for finding in found] == [
        "hypervisor.vip",
        "cluster",
        "cluster.servers",
    ]
