"""A small Plan made by hand, for tests of what reads a Plan."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from appliance.site.plan import (
    AddressRange,
    ArtifactNames,
    DiskPlan,
    HypervisorPlan,
    MachinePlan,
    NetworkPlan,
    OwnDisk,
    Plan,
    Role,
)
from appliance.values import Mac

NETWORK = NetworkPlan(
    name="main",
    cidr=IPv4Network("10.20.0.0/24"),
    gateway=IPv4Address("10.20.0.1"),
    bridge=IPv4Address("10.20.0.2"),
    pool=AddressRange(IPv4Address("10.20.0.200"), IPv4Address("10.20.0.250")),
    dns=(IPv4Address("10.20.0.1"),),
    ntp=(IPv4Address("10.20.0.1"),),
    mtu=1500,
    vlan=None,
    role="provisioning",
)


def machine(number: int, **changes: Any) -> MachinePlan:
    """Give machine `hv<number>`: the first creates the cluster, the others join it."""
    made = MachinePlan(
        name=f"hv{number}",
        hostname=f"hv{number}",
        role=Role.CREATE if number == 1 else Role.JOIN,
        macs=(Mac(f"52540012340{number}"),),
        serial=None,
        uuid=None,
        address=IPv4Address(f"10.20.0.{10 + number}"),
        disk=DiskPlan("/dev/disk/by-id/nvme-disk", None),
        data_disk=None,
        wipe_disks=(),
        wipe_all_disks=False,
        firmware=None,
        own_disk=OwnDisk.EXIT,
        ipxe="snponly.efi",
        not_armed=None,
    )
    return replace(made, **changes)


def plan(*machines: MachinePlan, network: NetworkPlan = NETWORK, **changes: Any) -> Plan:
    """Give a plan of these machines, or of one; `changes` go to what its machines share."""
    chosen = machines or (machine(1),)
    hypervisor = HypervisorPlan(
        harvester="v1.8.2",
        vip=IPv4Address("10.20.0.10"),
        single_node=len(chosen) == 1,
        accept_small_hardware=False,
        storage_replicas=min(3, len(chosen)),
        ssh_keys=("ssh-ed25519 AAAAC3Nza operator",),
        console=("tty1",),
    )
    hypervisor = replace(hypervisor, **changes)
    return Plan(
        site_id="alpha",
        zone="alpha.site",
        networks=(network,),
        hypervisor=hypervisor,
        machines=chosen,
        artifacts=ArtifactNames.of(hypervisor.harvester),
        hosts=(),
        base_url=f"http://{network.bridge}",
    )
