"""Every rule of virtual machines and images: a site that keeps it and one that breaks it."""

from __future__ import annotations

from typing import Any

from appliance.site import rules, vm_rules
from tests.rule_cases import Case, each, finds_nothing, finds_one_thing
from tests.sites import site

RKE2 = "v1.36.3+rke2r1"
CD = {"file": "win2012.iso"}
DISK = {"file": "app.img"}


def vm(**said: Any) -> dict[str, Any]:
    """Give a site with one virtual machine, and an image of each kind."""
    return {"vms": {"app": said}, "images": {"cd": CD, "disk": DISK}}


CASES = [
    Case(
        vm_rules.vm_networks_known,
        {"networks__vm": {"cidr": "10.21.0.0/24", "vlan": "21"}, **vm(network="vm")},
        vm(network="mains"),
        "vms.app.network",
        "there is no network mains",
    ),
    Case(
        vm_rules.vm_networks_known,
        {"cluster": {"rke2": RKE2, "network": "main"}},
        {
            "cluster": {"rke2": RKE2, "network": "disks"},
            "networks__disks": {"cidr": "10.21.0.0/24", "vlan": "21", "role": "storage"},
        },
        "cluster.network",
        "network disks is for storage",
    ),
    Case(
        vm_rules.vm_images_known,
        vm(image="disk"),
        vm(image="ubuntu-26.04"),
        "vms.app.image",
        "there is no image ubuntu-26.04",
    ),
    Case(
        vm_rules.vm_images_known,
        {"cluster": {"rke2": RKE2, "image": "ubuntu-24.04"}},
        {"cluster": {"rke2": RKE2, "image": "cd"}, "images": {"cd": CD}},
        "cluster.image",
        "cd is a CD, win2012.iso",
    ),
    Case(
        vm_rules.vm_images_known,
        vm(iso="cd", driver_disk="cd"),
        vm(iso="cd", driver_disk="disk"),
        "vms.app.driver_disk",
        "disk is a disk, app.img",
    ),
    Case(
        vm_rules.vm_images_known,
        {"staging": {"image": "disk"}, "images": {"disk": DISK}},
        {"staging": {"image": "disk"}},
        "staging.image",
        "there is no image disk",
    ),
    Case(
        vm_rules.vm_sources_sensible,
        vm(iso="cd", driver_disk="cd"),
        vm(iso="cd", image="disk"),
        "vms.app.iso",
        "image and iso are both given",
    ),
    Case(
        vm_rules.vm_sources_sensible,
        vm(image="disk"),
        vm(driver_disk="cd"),
        "vms.app.driver_disk",
        "drivers are for a system that is installed from an iso",
    ),
    Case(
        vm_rules.vm_sources_sensible,
        vm(ssh_keys=[f"ssh-ed25519 {'A' * 48} me"]),
        vm(ssh_keys=[f"ssh-ed25519 {'A' * 48} me"], iso="cd"),
        "vms.app.ssh_keys",
        "installed by hand",
    ),
    Case(
        vm_rules.vm_firmware_sensible,
        vm(secure_boot=True),
        vm(secure_boot=True, efi=False),
        "vms.app.secure_boot",
        "secure boot needs UEFI firmware",
    ),
    Case(
        vm_rules.vm_sizes_whole,
        vm(memory="4G", disk="40960M"),
        vm(disk="40GB"),
        "vms.app.disk",
        "40000000000 octets are no whole MiB",
    ),
    Case(
        vm_rules.vm_sizes_whole,
        {"cluster": {"rke2": RKE2, "sizes": {"agents": {"memory": "512M"}}}},
        {"cluster": {"rke2": RKE2, "sizes": {"agents": {"memory": "512MB"}}}},
        "cluster.sizes.agents.memory",
        "512000000 octets are no whole MiB",
    ),
    Case(
        vm_rules.images_sensible,
        {"images": {"a": {"url": "http://files.alpha.internal/a.img", "sha256": "a" * 64}}},
        {"images": {"a": {"url": "http://files.alpha.internal/a.img"}}},
        "images.a.url",
        "nothing vouches for what comes without TLS",
    ),
    Case(
        vm_rules.images_sensible,
        {"images": {"a": {"file": "a.img"}}},
        {"images": {"a": {}}},
        "images.a",
        "neither url nor file is given",
    ),
    Case(
        vm_rules.images_sensible,
        {"images": {"a": {"file": "a.img", "sha512": "a" * 128}}},
        {"images": {"a": {"file": "a.img", "sha512": "a" * 128, "sha256": "a" * 64}}},
        "images.a.sha512",
        "sha256 is given as well",
    ),
    Case(
        vm_rules.images_sensible,
        {"images": {"a": {"file": "a.img", "sha256": "0" * 63 + "1"}}},
        {"images": {"a": {"file": "a.img", "sha256": "0" * 64}}},
        "images.a.sha256",
        "zeros stand for a checksum that is not known",
    ),
    Case(
        vm_rules.images_sensible,
        {"images": {"a": {"url": "https://x.org/a.img", "sums": "https://x.org/SUMS"}}},
        {"images": {"a": {"file": "a.img", "sums": "https://x.org/SUMS"}}},
        "images.a.sums",
        "the list belongs to a url",
    ),
    Case(
        vm_rules.images_sensible,
        {"images": {"a": {"file": "a.img"}, "b": {"file": "b.img"}}},
        {"images": {"a": {"file": "a.img"}, "b": {"url": "https://x.org/a.img"}}},
        "images.b",
        "a.img is also image a",
    ),
    Case(
        vm_rules.cluster_options_fit,
        {"cluster": {"rke2": RKE2, "agents": "1", "addresses": {"agent1": "10.20.0.60"}}},
        {"cluster": {"rke2": RKE2, "addresses": {"agent1": "10.20.0.60"}}},
        "cluster.addresses.agent1",
        "the cluster has no agent1",
    ),
    Case(
        vm_rules.cluster_options_fit,
        {"cluster": {"rke2": RKE2, "profile": "cis"}},
        {"cluster": {"k3s": "v1.36.3+k3s1", "profile": "cis"}},
        "cluster.profile",
        "K3s has no profile of that kind",
    ),
    Case(
        vm_rules.staging_images_apart,
        {"staging": {"images": ["a.tar", "https://x.org/b.tar"]}},
        {"staging": {"images": ["a.tar", "https://x.org/a.tar"]}},
        "staging.images[1]",
        "a.tar stands there twice",
    ),
    Case(
        vm_rules.vm_names_free,
        {"cluster": {"rke2": RKE2, "servers": "1"}, "vms": {"server2": {}}},
        {"cluster": {"rke2": RKE2}, "vms": {"server2": {}}},
        "vms.server2",
        "server2 is a name of the cluster",
    ),
    Case(
        vm_rules.vm_names_free,
        {"staging": {"enabled": False}, "vms": {"staging": {}}},
        {"vms": {"staging": {}}},
        "vms.staging",
        "staging is a name of the staging machine",
    ),
    # What the rules of machines say of virtual ones.
    Case(
        rules.site_addresses_inside,
        vm(address="10.20.0.99"),
        vm(address="10.21.0.99"),
        "vms.app.address",
        "10.21.0.99 is not in 10.20.0.0/24",
    ),
    Case(
        rules.site_addresses_inside,
        {"networks__vm": {"cidr": "10.21.0.0/24", "vlan": "21"}, **vm(address="10.21.0.9")},
        {"networks__vm": {"cidr": "10.21.0.0/24", "vlan": "21"}, **vm(address="10.20.0.9")},
        "vms.app.address",
        "10.20.0.9 is not in 10.21.0.0/24",
    ),
    Case(
        rules.addresses_outside_pool,
        {"staging": {"address": "10.20.0.99"}},
        {"staging": {"address": "10.20.0.99"}, "networks__main__pool": "10.20.0.90 to 10.20.0.99"},
        "staging.address",
        "10.20.0.99 is inside the dynamic range",
    ),
    Case(
        rules.addresses_unique,
        {"cluster": {"rke2": RKE2, "address": "10.20.0.60"}},
        {
            "cluster": {
                "rke2": RKE2,
                "address": "10.20.0.60",
                "addresses": {"server1": "10.20.0.60"},
            }
        },
        "cluster.address",
        "10.20.0.60 is also cluster.addresses.server1",
    ),
    Case(
        rules.hostnames_unique,
        {"machines": {"registry": {}}},
        {"machines": {"registry": {}}, "vms": {"app": {}}},
        "hypervisor.machines.registry",
        "the name registry belongs to the site itself",
    ),
    Case(
        rules.hostnames_unique,
        {"vms": {"app": {}}},
        {"vms": {"vip": {}}},
        "vms.vip",
        "the name vip belongs to the site itself",
    ),
    Case(
        rules.hostnames_unique,
        {"machines": {"hv1": {"hostname": "app1"}}, "vms": {"app": {}}},
        {"machines": {"hv1": {"hostname": "app"}}, "vms": {"app": {}}},
        "hypervisor.machines.hv1.hostname",
        "app is also vms.app",
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


def test_every_rule_here_is_asked_and_has_its_cases() -> None:
    """With those of the machines."""
    own = {rule for rule in rules.RULES if rule.__module__ == vm_rules.__name__}
    assert own == {case.rule for case in CASES if case.rule.__module__ == vm_rules.__name__}
    assert len(own) == 9


def test_the_nearest_name_is_given() -> None:
    """A slip of the pen is told apart from a missing image."""
    (finding,) = vm_rules.vm_images_known(site(**vm(image="dsk")))
    assert finding.fix == "did you mean disk?"
    (finding,) = vm_rules.vm_images_known(site(vms={"app": {"image": "zzz"}}))
    assert finding.fix == "known here: ubuntu-24.04"
