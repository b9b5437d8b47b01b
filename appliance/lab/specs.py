"""The lab's machines from the site's own file: firmware, MACs, serial, disk. Pure."""

from __future__ import annotations

from appliance.errors import InputError
from appliance.lab.machine import Firmware, MachineSpec
from appliance.site.model import LabSite
from appliance.site.plan import ExpectedFirmware, MachinePlan, Plan

_BY_ID_VIRTIO = "/dev/disk/by-id/virtio-"
_FIRMWARE = {
    None: Firmware.UEFI,
    ExpectedFirmware.UEFI: Firmware.UEFI,
    ExpectedFirmware.UEFI_HTTP: Firmware.UEFI_HTTP,
    ExpectedFirmware.BIOS: Firmware.BIOS,
}


def specs_of(plan: Plan, lab: LabSite) -> tuple[MachineSpec, ...]:
    """Give every machine of the plan as the lab builds it. Raises InputError for what it cannot."""
    return tuple(_spec_of(each, lab) for each in plan.machines)


def _spec_of(machine: MachinePlan, lab: LabSite) -> MachineSpec:
    if not machine.macs:
        raise InputError(
            f"{machine.name} cannot be rehearsed: its MAC is not in the site file",
            fix="give it one, for the rehearsal any of 52:54:00:…",
        )
    return MachineSpec(
        name=machine.name,
        macs=machine.macs,
        firmware=_FIRMWARE[machine.firmware],
        memory_mib=lab.memory >> 20,
        cpus=lab.cpus,
        disk_gib=lab.disk >> 30,
        disk_serial=_disk_serial(machine),
        serial=machine.serial or "",
        uuid=str(machine.uuid) if machine.uuid else "",
    )


def _disk_serial(machine: MachinePlan) -> str:
    """The lab's disk gets the serial number that its by-id path ends in."""
    path = machine.disk.path if machine.disk is not None else None
    if path is None:
        return ""
    if not path.startswith(_BY_ID_VIRTIO):
        raise InputError(
            f"{machine.name} cannot be rehearsed with the disk {path}",
            why="the lab's disks are virtio disks",
            fix=f"rehearse with a copy of the site file that says {_BY_ID_VIRTIO}<serial>",
        )
    serial = path.removeprefix(_BY_ID_VIRTIO)
    if len(serial) > 20:
        raise InputError(
            f"{machine.name}: a virtio disk's serial has 20 characters at most", where=path
        )
    return serial
