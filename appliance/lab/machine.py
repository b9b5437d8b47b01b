"""Machines of the lab: QEMU in software emulation, with the firmware real servers have.

The machine asks the network before its disk, as where a site's servers are set up so. Every
QEMU process is our child, dies with us (even by kill -9) and has a time limit of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Self

from appliance.errors import MachineError
from appliance.values import Mac

_OVMF = Path("/usr/share/OVMF")
DEFAULT_LIMIT_S = 3600.0
# x86-64-v2 and nothing above: emulation copies memory byte by byte for a processor that claims
# ERMS, walks five page table levels for LA57, and takes its time over AVX, all of which `max` has.
CPU = "Nehalem"
# The default is up to 1 GiB, which is never flushed: QEMU 7.2 then drops stale translations of a
# page one by one from an ever longer list (1.6 million were seen, and stalls of half a minute).
TRANSLATED_MIB = 256


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
    vendor: str = "QEMU"
    product: str = "Lab machine"
    serial: str = ""
    uuid: str = ""
    nic_model: str = "virtio-net-pci"
    host_values: Mapping[str, str] = field(default_factory=dict)
    """Handed to the guest as fw_cfg `opt/bridgehead/<name>`, for instance `relay`."""


@dataclass(frozen=True, slots=True)
class MachinePaths:
    """Where one machine keeps its things, all in its own folder."""

    folder: Path

    @property
    def disk(self) -> Path:
        """The disk, qcow2."""
        return self.folder / "disk.qcow2"

    def disks(self, spec: MachineSpec) -> tuple[Path, ...]:
        """All disks of a machine, the one to install on first."""
        others = (self.folder / f"disk-{serial}.qcow2" for serial in spec.other_disks)
        return (self.disk, *others)

    @property
    def variables(self) -> Path:
        """The UEFI variables: kept, so a reboot or power cycle finds them."""
        return self.folder / "variables.fd"

    @property
    def console(self) -> Path:
        """Everything the serial line said, of all starts."""
        return self.folder / "console.log"

    @property
    def errors(self) -> Path:
        """What QEMU itself complained about."""
        return self.folder / "qemu.log"

    @property
    def qmp(self) -> Path:
        """The control socket."""
        return self.folder / "qmp.sock"


# --- the command line, a pure function ------------------------------------------------------


def qemu_arguments(spec: MachineSpec, paths: MachinePaths, taps: Sequence[str]) -> list[str]:
    """Give QEMU's command line for the machine: one tap for each of its MAC addresses.

    The control socket is relative to the folder QEMU runs in, because a socket path has 107
    characters at most.
    """
    if len(taps) != len(spec.macs):
        raise ValueError(f"{spec.name} has {len(spec.macs)} network cards, not {len(taps)}")
    secure = spec.firmware is Firmware.UEFI_SECURE
    return [
        "qemu-system-x86_64",
        *("-name", f"{spec.name},process={spec.name}"),
        # KVM is not asked for: where /dev/kvm exists it may still hang OVMF (measured).
        *("-accel", f"tcg,thread=multi,tb-size={TRANSLATED_MIB}", "-cpu", CPU),
        *("-machine", f"q35,smm={'on' if secure else 'off'},vmport=off"),
        *("-smp", str(spec.cpus), "-m", str(spec.memory_mib)),
        *("-nodefaults", "-no-user-config", "-display", "none", "-vga", "std"),
        *("-rtc", "base=utc,clock=host"),
        *(
            "-chardev",
            f"file,id=console,path={paths.console},append=on",
            "-serial",
            "chardev:console",
        ),
        *("-qmp", f"unix:{paths.qmp.name},server=on,wait=off"),
        *("-object", "rng-random,id=random,filename=/dev/urandom"),
        *("-device", "virtio-rng-pci,rng=random"),
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


def _firmware(firmware: Firmware, paths: MachinePaths) -> list[str]:
    if firmware is Firmware.BIOS:
        return []
    secure = firmware is Firmware.UEFI_SECURE
    code = _OVMF / ("OVMF_CODE_4M.secboot.fd" if secure else "OVMF_CODE_4M.fd")
    words = ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={code}"]
    words += ["-drive", f"if=pflash,unit=1,format=raw,file={paths.variables}"]
    if secure:
        words += ["-global", "driver=cfi.pflash01,property=secure,value=on"]
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


class Machine:
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
        self._taps = tuple(taps)
        self._prefix = tuple(prefix)
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self.timed_out = False

    def start(self) -> None:
        """Press the power button. Does nothing when on. Raises MachineError."""
        if self.is_on:
            return
        self._furnish()
        self.paths.qmp.unlink(missing_ok=True)
        self.timed_out = False
        started = threading.Event()
        # The kernel sends the death signal when the *thread* that forked ends (prctl(2)), so the
        # thread that starts QEMU is the one that waits for its end.
        self._keeper = threading.Thread(
            target=self._keep, args=(started,), name=f"machine {self.spec.name}", daemon=True
        )
        self._keeper.start()
        started.wait()
        self._await_control()

    def _keep(self, started: threading.Event) -> None:
        words = ["setpriv", "--pdeathsig", "KILL", *self._prefix]
        words += qemu_arguments(self.spec, self.paths, self._taps)
        try:
            with self.paths.errors.open("ab") as errors:
                self._process = subprocess.Popen(
                    words,
                    cwd=self.paths.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=errors,
                    stderr=errors,
                )
        finally:
            started.set()
        try:
            self._process.wait(self._limit_s)
        except subprocess.TimeoutExpired:
            self.timed_out = True
            self._process.kill()
            self._process.wait()

    def _furnish(self) -> None:
        self.paths.folder.mkdir(parents=True, exist_ok=True)
        template = variables_template(self.spec.firmware)
        if template is not None and not self.paths.variables.exists():
            shutil.copyfile(template, self.paths.variables)
        for disk in self.paths.disks(self.spec):
            if not disk.exists():
                self._make_disk(disk)
        self.paths.console.touch()

    def replace_disk(self) -> None:
        """Put a blank disk in. The machine must be off."""
        self.paths.folder.mkdir(parents=True, exist_ok=True)
        self._make_disk(self.paths.disk)

    def _make_disk(self, path: Path) -> None:
        size = f"{self.spec.disk_gib}G"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", path, size], check=True)

    def _await_control(self) -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if not self.is_on:
                break
            with contextlib.suppress(OSError):
                self.ask("query-status")
                return
            time.sleep(0.05)
        said = self.paths.errors.read_text(errors="replace").strip().splitlines()[-3:]
        self.power_off()
        raise MachineError(
            f"machine {self.spec.name} did not start",
            where=str(self.paths.errors),
            why=" / ".join(said),
            fix="look at that file",
        )

    @property
    def is_on(self) -> bool:
        """Whether the machine runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """QEMU's process id. Raises MachineError when the machine was never started."""
        if self._process is None:
            raise MachineError(f"machine {self.spec.name} was never started")
        return self._process.pid

    def power_off(self) -> None:
        """Cut the power: the disk keeps what had reached it. Does nothing when off."""
        if self._process is not None:
            self._process.kill()
        self.wait()

    def power_cycle(self) -> None:
        """Cut the power, and press the button again."""
        self.power_off()
        self.start()

    def reset(self) -> None:
        """Press the reset button."""
        self.ask("system_reset")

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the machine is off; give False when `timeout_s` passed first."""
        if self._keeper is None:
            return True
        self._keeper.join(timeout_s)
        return not self._keeper.is_alive()

    # --- what it shows

    def console(self) -> str:
        """Give everything the serial line said so far, of all starts."""
        return self.paths.console.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, marker: str, timeout_s: float, *, after: int = 0) -> bool:
        """Wait until the console shows `marker` behind position `after`; False when it did not.

        Also gives False at once when the machine goes off without having shown it.
        """
        until = time.monotonic() + timeout_s
        while True:
            on = self.is_on
            if marker in self.console()[after:]:
                return True
            if not on or time.monotonic() >= until:
                return False
            time.sleep(0.2)

    def screenshot(self, path: Path) -> Path:
        """Write what the screen shows as PNG. Raises MachineError."""
        self.ask("screendump", filename=str(path.absolute()), format="png")
        return path

    # --- QMP

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send one QMP command and give what it returns. Raises MachineError, OSError when off."""
        folder = os.open(self.paths.folder, os.O_PATH | os.O_DIRECTORY)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.settimeout(10)
                sock.connect(f"/proc/self/fd/{folder}/{self.paths.qmp.name}")
                return self._converse(sock, command, arguments)
        finally:
            os.close(folder)

    def _converse(self, sock: socket.socket, command: str, arguments: dict[str, Any]) -> Any:
        with sock.makefile("rw", encoding="utf-8") as stream:
            stream.readline()  # the greeting
            answer: dict[str, Any] = {}
            for word, given in (("qmp_capabilities", {}), (command, arguments)):
                stream.write(json.dumps({"execute": word, "arguments": given}) + "\n")
                stream.flush()
                answer = {}
                while "return" not in answer and "error" not in answer:  # events come between
                    line = stream.readline()
                    if not line:
                        raise ConnectionError("QEMU closed its control socket")
                    answer = json.loads(line)
        if "error" in answer:
            raise MachineError(
                f"machine {self.spec.name} refused {command}", why=str(answer["error"])
            )
        return answer["return"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()
