"""What boot is told of each machine: pure, from the Plan and from what is proven."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import IPv4Address
from types import MappingProxyType

from appliance.boot.model import BootMachine, BootNetwork, Documents
from appliance.hypervisor.versions import is_uefi_only
from appliance.site.plan import MachinePlan, Plan, Role


def boot_network(
    plan: Plan, interface: str, *, proxy: bool = False, single_port: bool = False
) -> BootNetwork:
    """Give the provisioning network as the services need it."""
    network = plan.provisioning
    return BootNetwork(
        interface=interface,
        cidr=network.cidr,
        bridge=network.bridge,
        gateway=network.gateway,
        dns=network.dns,
        ntp=network.ntp,
        pool_first=network.pool.first,
        pool_last=network.pool.last,
        zone=plan.zone,
        hosts=plan.hosts,
        mtu=network.mtu,
        proxy=proxy,
        tftp_single_port=single_port,
        console=plan.hypervisor.console,
    )


def boot_machines(
    plan: Plan,
    *,
    installed: frozenset[str],
    vip_answers: bool,
    documents: Callable[[MachinePlan], Documents | None],
    refused: Mapping[str, str] = MappingProxyType({}),
    paused: Mapping[str, str] = MappingProxyType({}),
) -> tuple[BootMachine, ...]:
    """Give every machine as boot knows it. Documents go only with machines that are armed now.

    `refused` says of machines that reported why they are not installed as they are, `paused` of
    others why none of their boots may begin: one that is under way keeps its documents.
    """
    return tuple(
        _boot_machine(
            plan,
            machine,
            installed=machine.name in installed,
            vip_answers=vip_answers,
            documents=documents,
            refused=refused.get(machine.name, ""),
            paused=paused.get(machine.name, ""),
        )
        for machine in plan.machines
    )


def _boot_machine(
    plan: Plan,
    machine: MachinePlan,
    *,
    installed: bool,
    vip_answers: bool,
    documents: Callable[[MachinePlan], Documents | None],
    refused: str,
    paused: str,
) -> BootMachine:
    armed = not installed and machine.not_armed is None and not refused
    shows_itself = paused if armed else refused or machine.discover or machine.not_armed or ""
    waits = machine.role is Role.JOIN and not vip_answers
    version = plan.hypervisor.harvester
    bmc_address = _bmc_address(plan, machine)
    return BootMachine(
        name=machine.name,
        hostname=machine.hostname,
        # Installed with one of its cards, it belongs on its disk whichever it starts from.
        macs=(*machine.macs, *machine.other_macs) if installed else machine.macs,
        address=machine.address,
        own_disk=machine.own_disk,
        ipxe=machine.ipxe,
        installed=installed,
        hold=refused or machine.not_armed or "",
        waits_for=f"{plan.create.name} to answer at the VIP {plan.hypervisor.vip}" if waits else "",
        bios_refusal=(
            f"Harvester {version} needs UEFI firmware: switch this machine from BIOS (legacy, CSM) "
            "to UEFI in its firmware settings"
            if is_uefi_only(version)
            else ""
        ),
        documents=documents(machine) if armed else None,
        discover="" if installed else shows_itself,
        bmc_mac=machine.bmc.mac if bmc_address is not None else None,
        bmc_address=bmc_address,
    )


def _bmc_address(plan: Plan, machine: MachinePlan) -> IPv4Address | None:
    """Give the address that the BMC with the site file's card is to have on this network."""
    try:
        address = IPv4Address(machine.bmc.host)
    except ValueError:
        return None
    here = machine.bmc.mac is not None and address in plan.provisioning.cidr
    return address if here else None
