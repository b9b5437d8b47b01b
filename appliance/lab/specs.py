"""The lab's machines from the site's own file: firmware, MACs, serial, disk. Pure.

What the file leaves to discovery is made up here, the same at each rehearsal: a MAC, a serial
number, a disk that the selector matches.
"""

from __future__ import annotations

import hashlib

from appliance.lab.machine import PRODUCT, VENDOR, Firmware, MachineSpec
from appliance.site.disk import DiskFacts, Sign, SizeTerm, parse_selector
from appliance.site.fields import GIB
from appliance.site.model import LabSite
from appliance.site.plan import ExpectedFirmware, MachinePlan, Plan
from appliance.values import Mac

_BY_ID_VIRTIO = "/dev/disk/by-id/virtio-"
_LONGEST_SERIAL = 20  # of a virtio disk (linux/virtio_blk.h, VIRTIO_BLK_ID_BYTES)
AS_PLANNED = "as-planned"
"""Tells the stand-in not to judge the lab's small machines by a server's measure."""

_BESIDE = {Sign.MORE: GIB, Sign.LESS: -GIB, Sign.NOT_EQUAL: GIB}
_FIRMWARE = {
    None: Firmware.UEFI,
    ExpectedFirmware.UEFI: Firmware.UEFI,
    ExpectedFirmware.UEFI_HTTP: Firmware.UEFI_HTTP,
    ExpectedFirmware.BIOS: Firmware.BIOS,
}


def specs_of(plan: Plan, lab: LabSite) -> tuple[MachineSpec, ...]:
    """Give every machine of the plan as the lab builds it."""
    return tuple(_spec_of(plan, each, lab) for each in plan.machines)


def _spec_of(plan: Plan, machine: MachinePlan, lab: LabSite) -> MachineSpec:
    disks = _disks(machine)
    named = " ".join(f"{serial}={path}" for serial, path in disks if not _is_virtio(path))
    first, *others = [serial for serial, _ in disks] or [f"{machine.name}-0"]
    host_values = {"disks": named} if named else {}
    if not plan.hypervisor.accept_small_hardware:
        host_values["hardware"] = AS_PLANNED
    return MachineSpec(
        name=machine.name,
        macs=machine.macs or machine.match.macs or (_invented_mac(plan, machine),),
        firmware=_FIRMWARE[machine.firmware],
        memory_mib=lab.memory >> 20,
        cpus=lab.cpus,
        disk_gib=-(-_disk_size(machine, lab) >> 30),
        disk_serial=first,
        other_disks=tuple(others),
        serial=machine.serial or machine.match.serial or f"LAB-{machine.name.upper()}",
        uuid=str(machine.uuid or machine.match.uuid or ""),
        vendor=machine.match.vendor or VENDOR,
        product=machine.match.product or PRODUCT,
        host_values=host_values,
    )


def _invented_mac(plan: Plan, machine: MachinePlan) -> Mac:
    """Make up a MAC with QEMU's own prefix."""
    digest = hashlib.sha256(f"{plan.site_id}/{machine.name}".encode()).hexdigest()
    return Mac.parse(f"525400{digest[:6]}")


def _disk_size(machine: MachinePlan, lab: LabSite) -> int:
    """Give a size in octets that the selector takes; the lab's own if it takes that."""
    size = lab.disk
    selector = machine.disk.selector if machine.disk is not None else None
    for term in parse_selector(selector).terms if selector else ():
        if isinstance(term, SizeTerm) and not term.holds(DiskFacts(size)):
            size = term.octets + _BESIDE.get(term.sign, 0)
    return size


def _disks(machine: MachinePlan) -> list[tuple[str, str]]:
    """Give serial and path of each disk that the file names: the one to install on first.

    The lab's disks are virtio disks. What a virtio disk cannot be called, the stand-in calls so:
    it makes the very path that the site file names, to the disk of the serial given here.
    """
    path = machine.disk.path if machine.disk is not None else None
    named = (path, machine.data_disk, *machine.wipe_disks)
    return [(_serial_for(each), each) for each in dict.fromkeys(named) if each is not None]


def _is_virtio(path: str) -> bool:
    return path.startswith(_BY_ID_VIRTIO) and len(path) <= len(_BY_ID_VIRTIO) + _LONGEST_SERIAL


def _serial_for(path: str) -> str:
    if _is_virtio(path):
        return path.removeprefix(_BY_ID_VIRTIO)
    return f"LAB-{hashlib.sha256(path.encode()).hexdigest()[:12]}"
