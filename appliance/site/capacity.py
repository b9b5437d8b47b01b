"""Whether the machines are large enough: for Harvester, and for the virtual machines on them.

Rules like those in `site/rules.py`, which asks them: a Site in, findings out. Sizes that the file
does not say are not judged.
"""

from __future__ import annotations

from collections.abc import Iterator

from appliance.site.hardware import (
    GIB,
    MIN_CPUS,
    MIN_DATA_DISK,
    MIN_DISK,
    MIN_DISK_BESIDE_DATA,
    MIN_MEMORY,
    SLACK,
)
from appliance.site.model import MachineSite, Site
from appliance.site.places import Finding, Path, machine_path
from appliance.site.vms import wanted_vms

HOST_MEMORY = 8 * GIB
"""What a host keeps for Harvester itself: an estimate on the low side, not yet measured."""
HOST_DISK = 174 * GIB
"""Harvester's own partitions: OEM, ESP, state 15 GiB, recovery 8 GiB, persistent 150 GiB."""


def hardware_large_enough(site: Site) -> Iterator[Finding]:
    """Where a machine's size is said, Harvester's installer will not stop on it."""
    for name, machine in sorted(site.hypervisor.machines.items()):
        if not site.hypervisor.accept_small_hardware:
            yield from _below_production(name, machine)
        if site.line.checks_disk_always or not site.hypervisor.accept_small_hardware:
            yield from _disk_too_small(name, machine)


def _below_production(name: str, machine: MachineSite) -> Iterator[Finding]:
    fix = "take a larger machine, or set hypervisor.accept_small_hardware: true"
    related: tuple[Path, ...] = (("hypervisor", "accept_small_hardware"),)
    if machine.memory is not None and machine.memory < MIN_MEMORY * SLACK:
        what = (
            f"Harvester's installer stops below 64G of memory, and this is {_gib(machine.memory)}"
        )
        yield Finding(machine_path(name, "memory"), what, fix, related)
    if machine.cpus is not None and machine.cpus < MIN_CPUS:
        what = f"Harvester's installer stops below {MIN_CPUS} threads, and these are {machine.cpus}"
        yield Finding(machine_path(name, "cpus"), what, fix, related)


def _disk_too_small(name: str, machine: MachineSite) -> Iterator[Finding]:
    least = MIN_DISK_BESIDE_DATA if machine.data_disk else MIN_DISK
    if machine.disk_size is not None and machine.disk_size < least:
        what = f"Harvester needs {_gib(least)} here, and this is {_gib(machine.disk_size)}"
        yield Finding(machine_path(name, "disk_size"), what, "take a larger disk")
    if machine.data_disk_size is not None and machine.data_disk_size < MIN_DATA_DISK:
        what = f"Harvester needs {_gib(MIN_DATA_DISK)} here"
        yield Finding(machine_path(name, "data_disk_size"), what, "take a larger disk")


def vms_fit_memory(site: Site) -> Iterator[Finding]:
    """Where every host says its memory, the virtual machines fit into the hosts together."""
    hosts = [machine.memory for machine in site.hypervisor.machines.values()]
    if not hosts or any(memory is None for memory in hosts):
        return
    free = [max(0, (memory or 0) - HOST_MEMORY) for memory in hosts]
    yield from _fits(site, "memory", [vm.size.memory for vm in wanted_vms(site)], free, max(free))


def vms_fit_disks(site: Site) -> Iterator[Finding]:
    """Where every host says its disks, the volumes fit, counted with their copies."""
    machines = site.hypervisor.machines.values()
    free = [_volume_space(machine) for machine in machines]
    if not free or any(space is None for space in free):
        return
    copies = storage_replicas(len(free))
    spaces = [space or 0 for space in free]
    volumes = [vm.size.disk * copies for vm in wanted_vms(site)]
    largest = max(spaces) * copies
    yield from _fits(site, "disk", volumes, spaces, largest)


def storage_replicas(machines: int) -> int:
    """How many copies Harvester keeps of a volume: one a machine, at most three."""
    return min(3, max(1, machines))


def _volume_space(machine: MachineSite) -> int | None:
    if machine.data_disk is not None:
        return machine.data_disk_size
    return None if machine.disk_size is None else max(0, machine.disk_size - HOST_DISK)


def _fits(
    site: Site, kind: str, wanted: list[int], free: list[int], largest: int
) -> Iterator[Finding]:
    machines = "memory" if kind == "memory" else "disk_size"
    related: tuple[Path, ...] = (
        *(machine_path(name, machines) for name in site.hypervisor.machines),
        ("cluster", "servers"),
        ("cluster", "agents"),
        ("cluster", "sizes"),
        ("vms",),
        ("staging",),
    )
    path = next((each.path for each in reversed(wanted_vms(site))), ("vms",))[:1]
    fix = "make them smaller or fewer, or the hosts larger"
    if sum(wanted) > sum(free):
        what = (
            f"the virtual machines need {_gib(sum(wanted))} of {kind}, "
            f"and the hosts have {_gib(sum(free))} for them"
        )
        yield Finding(path, what, fix, related, of_key=True)
    elif wanted and max(wanted) > largest:
        what = f"a virtual machine's {kind} of {_gib(max(wanted))} fits into no host"
        yield Finding(path, what, fix, related, of_key=True)


def _gib(octets: int) -> str:
    return f"{octets / GIB:.1f}".removesuffix(".0") + "G"
