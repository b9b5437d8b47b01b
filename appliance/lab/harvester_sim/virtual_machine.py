"""A virtual machine in QEMU: its command line from its object, and its power."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appliance.lab.harvester_sim.quantities import whole
from appliance.lab.machine import Firmware, flash_arguments, variables_template
from appliance.lab.qemu import DEFAULT_LIMIT_S, QemuPaths, QemuProcess, common_arguments

Json = dict[str, Any]

_MODELS = {
    "virtio": "virtio-net-pci",
    "e1000": "e1000",
    "e1000e": "e1000e",
    "rtl8139": "rtl8139",
    "pcnet": "pcnet",
    "ne2k_pci": "ne2k_pci",
}
_LAST = 1000  # of the boot order; what names no place comes after what does
AGENT_PORT = "org.qemu.guest_agent.0"


@dataclass(frozen=True, slots=True)
class VmDisk:
    """A disk or CD: `bus` is virtio, sata or scsi; `form` is qcow2 or raw."""

    path: Path
    bus: str = "virtio"
    cd: bool = False
    form: str = "qcow2"
    boot_order: int = 0
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class VmCard:
    """A network card. Without a tap its cable is out."""

    mac: str
    tap: str
    model: str = "virtio"
    boot_order: int = 0


@dataclass(frozen=True, slots=True)
class VmSpec:
    """A virtual machine as QEMU runs it."""

    name: str
    cpus: int
    memory_mib: int
    firmware: Firmware
    disks: tuple[VmDisk, ...]
    cards: tuple[VmCard, ...]
    uuid: str = ""


class VirtualMachine(QemuProcess):
    """A virtual machine in its folder. One still on `limit_s` after a start is killed."""

    def __init__(self, spec: VmSpec, folder: Path, *, limit_s: float = DEFAULT_LIMIT_S) -> None:
        self.spec = spec
        self.paths = QemuPaths(folder)
        # The hypervisor comes before its guests: its API would not answer while they all boot.
        super().__init__(spec.name, self.paths, limit_s=limit_s, prefix=("nice", "-n", "10"))

    def _words(self) -> list[str]:
        return vm_arguments(self.spec, self.paths)

    def _furnish(self) -> None:
        template = variables_template(self.spec.firmware)
        if template is not None and not self.paths.variables.exists():
            shutil.copyfile(template, self.paths.variables)

    def press_power_button(self) -> None:
        """Ask the guest to switch itself off (ACPI). Raises MachineError, OSError when off."""
        self.ask("system_powerdown")


def vm_arguments(spec: VmSpec, paths: QemuPaths) -> list[str]:
    """Give QEMU's command line. Disks boot in the order of their list where none is named."""
    secure = spec.firmware is Firmware.UEFI_SECURE
    return [
        *common_arguments(spec.name, paths, cpus=spec.cpus, memory_mib=spec.memory_mib, smm=secure),
        *("-smbios", "type=1,manufacturer=KubeVirt,product=None,family=KubeVirt"),
        *(("-uuid", spec.uuid) if spec.uuid else ()),
        *flash_arguments(spec.firmware, paths),
        *_disks(spec.disks),
        *_cards(spec.cards),
        # The port of the guest agent, at which a guest that brings one starts it.
        *("-device", "virtio-serial-pci"),
        *("-chardev", "socket,id=agent,path=agent.sock,server=on,wait=off"),
        *("-device", f"virtserialport,chardev=agent,name={AGENT_PORT}"),
    ]


def _disks(disks: Sequence[VmDisk]) -> list[str]:
    words: list[str] = []
    if any(disk.bus == "scsi" for disk in disks):
        words += ["-device", "virtio-scsi-pci,id=scsi"]
    sata = 0
    for number, disk in enumerate(disks):
        name = f"disk{number}"
        drive = f"if=none,id={name},format={disk.form},file={disk.path},cache=unsafe"
        if disk.cd or disk.read_only:
            drive += ",readonly=on"
        words += ["-drive", drive if disk.cd else f"{drive},discard=unmap"]
        if disk.bus == "virtio" and not disk.cd:
            device = "virtio-blk-pci"
        elif disk.bus == "scsi":
            device = f"scsi-{'cd' if disk.cd else 'hd'},bus=scsi.0"
        else:
            device = f"ide-{'cd' if disk.cd else 'hd'},bus=ide.{sata}"
            sata += 1
        boot = disk.boot_order or _LAST + number
        words += ["-device", f"{device},drive={name},bootindex={boot}"]
    return words


def _cards(cards: Sequence[VmCard]) -> list[str]:
    words: list[str] = []
    for number, card in enumerate(cards):
        if card.tap:
            backend = f"tap,id=net{number},ifname={card.tap},script=no,downscript=no"
        else:
            backend = f"hubport,id=net{number},hubid={number}"
        # Without a ROM nothing asks the network for a system: a virtual machine boots its disk.
        device = f"{_MODELS.get(card.model, card.model)},netdev=net{number},mac={card.mac},romfile="
        if card.boot_order:
            device += f",bootindex={card.boot_order}"
        words += ["-netdev", backend, "-device", device]
    return words


# --- from the object ------------------------------------------------------------------------


def firmware_of(machine: Json, *, quick: bool) -> Firmware:
    """Give the firmware that a machine asks for.

    `quick`: UEFI without Secure Boot is started as BIOS, which is some 15 s quicker in emulation.
    """
    firmware = machine["spec"]["template"]["spec"]["domain"].get("firmware") or {}
    efi = (firmware.get("bootloader") or {}).get("efi")
    if efi is None:
        return Firmware.BIOS
    if efi.get("secureBoot"):
        return Firmware.UEFI_SECURE
    return Firmware.BIOS if quick else Firmware.UEFI


def size_of(machine: Json) -> tuple[int, int]:
    """Give processors and memory in MiB, without what Harvester keeps for QEMU itself."""
    domain = machine["spec"]["template"]["spec"]["domain"]
    cpu = domain.get("cpu") or {}
    cpus = int(cpu.get("cores") or 1) * int(cpu.get("sockets") or 1) * int(cpu.get("threads") or 1)
    guest = (domain.get("memory") or {}).get("guest") or domain["resources"]["limits"]["memory"]
    return cpus, whole(str(guest)) >> 20
