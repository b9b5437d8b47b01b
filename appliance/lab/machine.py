"""Machines of the lab: QEMU in software emulation, with the firmware real servers have.

The machine asks the network before its disk, as where a site's servers are set up so.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from appliance.lab.qemu import DEFAULT_LIMIT_S, QemuPaths, QemuProcess, common_arguments
from appliance.values import Mac

_OVMF = Path("/usr/share/OVMF")
VENDOR, PRODUCT = "QEMU", "Lab machine"


class Firmware(Enum):
    """What the machine starts with."""

    BIOS = "bios"
    UEFI = "uefi"
    UEFI_HTTP = "uefi-http"
    UEFI_SECURE = "uefi-secure"


@dataclass(frozen=True, slots=True)
class MachineSpec:
    """One machine as it would stand in the rack."""

    name: str
    macs: tuple[Mac, ...]
    firmware: Firmware = Firmware.UEFI
    memory_mib: int = 2048
    cpus: int = 2
    disk_gib: int = 12
    disk_serial: str = ""
    other_disks: tuple[str, ...] = ()
    """Serials of further blank disks, each of the same size."""
    vendor: str = VENDOR
    product: str = PRODUCT
    serial: str = ""
    uuid: str = ""
    nic_model: str = "virtio-net-pci"
    host_values: Mapping[str, str] = field(default_factory=dict)
    """Handed to the guest as fw_cfg `opt/bridgehead/<name>`, for instance `relay`."""


class MachinePaths(QemuPaths):
    """Where one machine keeps its things, all in its own folder."""

    __slots__ = ()

    @property
    def disk(self) -> Path:
        """The disk, qcow2."""
        return self.folder / "disk.qcow2"

    def disks(self, spec: MachineSpec) -> tuple[Path, ...]:
        """All disks of a machine, the one to install on first."""
        others = (self.folder / f"disk-{serial}.qcow2" for serial in spec.other_disks)
        return (self.disk, *others)


# --- the command line, a pure function ------------------------------------------------------


def qemu_arguments(spec: MachineSpec, paths: MachinePaths, taps: Sequence[str]) -> list[str]:
    """Give QEMU's command line for the machine: one tap for each of its MAC addresses."""
    if len(taps) != len(spec.macs):
        raise ValueError(f"{spec.name} has {len(spec.macs)} network cards, not {len(taps)}")
    secure = spec.firmware is Firmware.UEFI_SECURE
    return [
        *common_arguments(spec.name, paths, cpus=spec.cpus, memory_mib=spec.memory_mib, smm=secure),
        *_smbios(spec),
        *_firmware(spec.firmware, paths),
        *_cards(spec, taps),
        *_disks(spec, paths),
        *(
            word
            for name, value in sorted(spec.host_values.items())
            for word in ("-fw_cfg", f"name=opt/bridgehead/{name},string={value.replace(',', ',,')}")
        ),
    ]


def _smbios(spec: MachineSpec) -> list[str]:
    def quoted(text: str) -> str:
        return text.replace(",", ",,")

    system = f"type=1,manufacturer={quoted(spec.vendor)},product={quoted(spec.product)}"
    if spec.serial:
        system += f",serial={quoted(spec.serial)}"
    words = ["-smbios", system]
    return [*words, "-uuid", spec.uuid] if spec.uuid else words


def flash_arguments(firmware: Firmware, paths: QemuPaths) -> list[str]:
    """Give the firmware's part of QEMU's command line; nothing for BIOS, which QEMU brings."""
    if firmware is Firmware.BIOS:
        return []
    secure = firmware is Firmware.UEFI_SECURE
    code = _OVMF / ("OVMF_CODE_4M.secboot.fd" if secure else "OVMF_CODE_4M.fd")
    words = ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}"]
    words += ["-drive", f"if=pflash,unit=1,format=raw,file={paths.variables}"]
    if secure:
        words += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    return words


def _firmware(firmware: Firmware, paths: MachinePaths) -> list[str]:
    words = flash_arguments(firmware, paths)
    if firmware is Firmware.BIOS:
        return words
    # OvmfPkg/Library/PxeBcPcdProducerLib: without these OVMF spends a minute on each protocol
    # that nobody answers before it comes to the one meant.
    words += ["-fw_cfg", "name=opt/org.tianocore/IPv6PXESupport,string=no"]
    if firmware is Firmware.UEFI_HTTP:
        words += ["-fw_cfg", "name=opt/org.tianocore/IPv4PXESupport,string=no"]
    return words


def _cards(spec: MachineSpec, taps: Sequence[str]) -> list[str]:
    # An empty romfile leaves UEFI to its own network stack; otherwise QEMU's iPXE ROM takes over.
    # SeaBIOS has no network stack: the iPXE ROM is what such a machine boots from.
    rom = (
        "" if spec.firmware is Firmware.BIOS or spec.nic_model != "virtio-net-pci" else ",romfile="
    )
    words = []
    for number, (mac, tap) in enumerate(zip(spec.macs, taps, strict=True)):
        words += ["-netdev", f"tap,id=net{number},ifname={tap},script=no,downscript=no"]
        words += [
            "-device",
            f"{spec.nic_model},netdev=net{number},mac={mac},bootindex={number + 1}{rom}",
        ]
    return words


def _disks(spec: MachineSpec, paths: MachinePaths) -> list[str]:
    words = []
    serials = (spec.disk_serial or spec.name, *spec.other_disks)
    for number, (serial, path) in enumerate(zip(serials, paths.disks(spec), strict=True)):
        name = f"disk{number}"
        words += [
            "-drive",
            f"if=none,id={name},format=qcow2,file={path},cache=unsafe,discard=unmap",
        ]
        boot = len(spec.macs) + 1 + number
        words += ["-device", f"virtio-blk-pci,drive={name},bootindex={boot},serial={serial}"]
    return words


def variables_template(firmware: Firmware) -> Path | None:
    """Give the UEFI variables a new machine has; none for BIOS.

    Secure Boot's come with Microsoft's keys enrolled, as a server is delivered.
    """
    if firmware is Firmware.BIOS:
        return None
    secure = firmware is Firmware.UEFI_SECURE
    return _OVMF / ("OVMF_VARS_4M.ms.fd" if secure else "OVMF_VARS_4M.fd")


# --- a machine ------------------------------------------------------------------------------


class Machine(QemuProcess):
    """One machine: power on, off, and what its console says.

    `folder` keeps its disk and UEFI variables between starts. `prefix` runs QEMU where the taps
    are (`network.exec_prefix`). A machine still on `limit_s` after a start is killed.
    """

    def __init__(
        self,
        spec: MachineSpec,
        folder: Path,
        taps: Sequence[str],
        *,
        prefix: Sequence[str] = (),
        limit_s: float = DEFAULT_LIMIT_S,
    ) -> None:
        self.spec = spec
        self.paths = MachinePaths(folder)
        super().__init__(spec.name, self.paths, prefix=prefix, limit_s=limit_s)
        self._taps = tuple(taps)

    def _words(self) -> list[str]:
        return qemu_arguments(self.spec, self.paths, self._taps)

    def _furnish(self) -> None:
        template = variables_template(self.spec.firmware)
        if template is not None and not self.paths.variables.exists():
            shutil.copyfile(template, self.paths.variables)
        for disk in self.paths.disks(self.spec):
            if not disk.exists():
                self._make_disk(disk)

    def replace_disk(self) -> None:
        """Put a blank disk in. The machine must be off."""
        self.paths.folder.mkdir(parents=True, exist_ok=True)
        self._make_disk(self.paths.disk)

    def _make_disk(self, path: Path) -> None:
        size = f"{self.spec.disk_gib}G"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, size], check=True)
