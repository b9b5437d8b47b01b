"""The machine's command line, and what a machine is without starting one."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import MachineError
from appliance.lab.machine import (
    Firmware,
    Machine,
    MachinePaths,
    MachineSpec,
    qemu_arguments,
    variables_template,
)
from appliance.values import Mac

MACS = (Mac.parse("52:54:00:12:34:56"), Mac.parse("52:54:00:12:34:57"))
PATHS = MachinePaths(Path("/lab/hv1"))


def _line(spec: MachineSpec) -> str:
    taps = [f"t{number}" for number, _ in enumerate(spec.macs)]
    return " ".join(qemu_arguments(spec, PATHS, taps))


@pytest.mark.parametrize("firmware", Firmware)
def test_every_machine_emulates_and_boots_the_network_first(firmware: Firmware) -> None:
    """Never KVM; the first card before the second before the disk."""
    line = _line(MachineSpec("hv1", MACS, firmware))
    assert "-accel tcg" in line
    assert "kvm" not in line
    assert "mac=52:54:00:12:34:56,bootindex=1" in line
    assert "mac=52:54:00:12:34:57,bootindex=2" in line
    assert "virtio-blk-pci,drive=disk0,bootindex=3,serial=hv1" in line


def test_bios_boots_from_the_card_s_own_rom() -> None:
    """SeaBIOS has no network stack: the iPXE ROM stays, and there is no flash."""
    line = _line(MachineSpec("hv1", MACS, Firmware.BIOS))
    assert "romfile" not in line
    assert "pflash" not in line
    assert variables_template(Firmware.BIOS) is None


def test_uefi_boots_from_its_own_network_stack() -> None:
    """The card has no ROM, and the variables are the machine's own."""
    line = _line(MachineSpec("hv1", MACS, Firmware.UEFI))
    assert line.count("romfile=") == len(MACS)
    assert "file=/lab/hv1/variables.fd" in line
    assert "IPv4PXESupport" not in line


def test_http_boot_does_not_wait_for_pxe() -> None:
    """PXE over IPv4 and IPv6 are both switched off in the firmware."""
    line = _line(MachineSpec("hv1", MACS, Firmware.UEFI_HTTP))
    assert "opt/org.tianocore/IPv4PXESupport,string=no" in line
    assert "opt/org.tianocore/IPv6PXESupport,string=no" in line


def test_secure_boot_has_the_maker_s_keys_and_guards_its_flash() -> None:
    """The secure firmware, system management mode, and variables with keys enrolled."""
    line = _line(MachineSpec("hv1", MACS, Firmware.UEFI_SECURE))
    assert "OVMF_CODE_4M.secboot.fd" in line
    assert "smm=on" in line
    assert "cfi.pflash01,property=secure,value=on" in line
    template = variables_template(Firmware.UEFI_SECURE)
    assert template is not None
    assert template.name == "OVMF_VARS_4M.ms.fd"


def test_what_the_site_file_says_of_the_machine_is_in_its_smbios() -> None:
    """A comma in a vendor's name does not end QEMU's option."""
    line = _line(
        MachineSpec("hv1", MACS, vendor="Acme, Inc.", serial="S1", uuid="u-1", disk_serial="D1")
    )
    assert "type=1,manufacturer=Acme,, Inc.,product=Lab machine,serial=S1" in line
    assert "-uuid u-1" in line
    assert "serial=D1" in line


def test_the_host_s_values_reach_the_guest() -> None:
    """Each stands in fw_cfg under the lab's own prefix."""
    line = _line(MachineSpec("hv1", MACS, host_values={"relay": "http://10.0.0.1:8000"}))
    assert "-fw_cfg name=opt/bridgehead/relay,string=http://10.0.0.1:8000" in line


def test_each_card_needs_its_tap() -> None:
    """Fewer taps than cards is a fault of the caller."""
    with pytest.raises(ValueError, match="2 network cards, not 1"):
        qemu_arguments(MachineSpec("hv1", MACS), PATHS, ["t0"])


def test_a_machine_that_was_never_started_is_off(tmp_path: Path) -> None:
    """It can be powered off again and waited for, and has no process."""
    machine = Machine(MachineSpec("hv1", MACS), tmp_path / "hv1", ["t0", "t1"])
    machine.power_off()
    assert not machine.is_on
    assert machine.wait(0)
    with pytest.raises(MachineError, match="never started"):
        _ = machine.pid
