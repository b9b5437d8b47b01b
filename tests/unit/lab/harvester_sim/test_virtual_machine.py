"""QEMU's command line for a virtual machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim.virtual_machine import (
    VirtualMachine,
    VmCard,
    VmDisk,
    VmSpec,
    firmware_of,
    size_of,
    vm_arguments,
)
from appliance.lab.machine import Firmware
from appliance.lab.qemu import QemuPaths

MAC = "02:00:00:00:00:01"


def line(*disks: VmDisk, cards: tuple[VmCard, ...] = (), firmware: Firmware = Firmware.BIOS) -> str:
    """Give the command line of a machine with these parts."""
    spec = VmSpec("vm1", 2, 412, firmware, disks, cards, uuid="u-1")
    return " ".join(vm_arguments(spec, QemuPaths(Path("/lab/vm1"))))


def test_a_machine_has_what_its_object_says() -> None:
    """Processors, memory, identity, a port for the guest agent; no KVM."""
    words = line(VmDisk(Path("/d.qcow2")))
    assert "-smp 2 -m 412" in words
    assert "-uuid u-1" in words
    assert "name=org.qemu.guest_agent.0" in words
    assert "kvm" not in words


def test_disks_boot_in_the_order_asked_for_and_else_in_their_own() -> None:
    """A number asked for comes before all that asked for none."""
    words = line(
        VmDisk(Path("/a.qcow2")),
        VmDisk(Path("/b.iso"), "sata", cd=True, form="raw", boot_order=2),
        VmDisk(Path("/c.qcow2"), "scsi", boot_order=1),
        VmDisk(Path("/d.iso"), "sata", cd=True, form="raw"),
        VmDisk(Path("/seed.iso"), form="raw", read_only=True),
    )
    assert "virtio-blk-pci,drive=disk0,bootindex=1000" in words
    assert "ide-cd,bus=ide.0,drive=disk1,bootindex=2" in words
    assert "scsi-hd,bus=scsi.0,drive=disk2,bootindex=1 " in words
    assert "ide-cd,bus=ide.1,drive=disk3,bootindex=1003" in words
    assert "file=/seed.iso,cache=unsafe,readonly=on" in words
    assert words.count("virtio-scsi-pci") == 1


def test_a_card_asks_no_network_for_a_system() -> None:
    """It has no boot ROM; one whose cable is out ends in a hub of its own."""
    words = line(cards=(VmCard(MAC, "v1"), VmCard(MAC, "", "e1000", 3)))
    assert "tap,id=net0,ifname=v1,script=no,downscript=no" in words
    assert f"virtio-net-pci,netdev=net0,mac={MAC},romfile= " in words
    assert "hubport,id=net1,hubid=1" in words
    assert f"e1000,netdev=net1,mac={MAC},romfile=,bootindex=3" in words


def test_uefi_has_its_flash_and_bios_none() -> None:
    """Secure Boot guards it."""
    assert "pflash" not in line()
    assert "OVMF_CODE_4M.fd" in line(firmware=Firmware.UEFI)
    assert "cfi.pflash01,property=secure,value=on" in line(firmware=Firmware.UEFI_SECURE)


@pytest.mark.parametrize(
    ("firmware", "quick", "wanted"),
    [
        ({}, False, Firmware.BIOS),
        ({"bootloader": {"efi": {"secureBoot": False}}}, False, Firmware.UEFI),
        ({"bootloader": {"efi": {"secureBoot": False}}}, True, Firmware.BIOS),
        ({"bootloader": {"efi": {"secureBoot": True}}}, True, Firmware.UEFI_SECURE),
    ],
)
def test_the_firmware_is_the_one_asked_for(
    machine: Any, firmware: dict[str, Any], *, quick: bool, wanted: Firmware
) -> None:
    """Quickness never leaves Secure Boot out."""
    assert firmware_of(machine(firmware=firmware), quick=quick) is wanted


def test_the_guest_has_what_is_left_of_the_memory(machine: Any) -> None:
    """Cores times sockets times threads; the guest's memory where it is said."""
    body = machine(cpu={"cores": 2, "sockets": 2}, memory={"guest": "668Mi"})
    assert size_of(body) == (4, 668)
    assert size_of(machine()) == (1, 128)


def test_the_variables_are_made_once(tmp_path: Path) -> None:
    """A machine with UEFI keeps what it wrote there."""
    spec = VmSpec("vm1", 1, 64, Firmware.UEFI, (), ())
    machine = VirtualMachine(spec, tmp_path, limit_s=60)
    with machine:
        machine.start()
        machine.press_power_button()
    assert machine.paths.variables.stat().st_size > 0
    machine.paths.variables.write_bytes(b"kept")
    machine._furnish()
    assert machine.paths.variables.read_bytes() == b"kept"
