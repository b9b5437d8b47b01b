"""A machine without network boot starts from the boot disc, and is told its script as any other."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.lab.machine import Firmware, flash_arguments, variables_template
from appliance.lab.network import LabNetwork, create
from appliance.lab.qemu import QemuPaths, QemuProcess, common_arguments
from appliance.site.artifact_names import BOOT_DISC
from tests.unit.flow.inside_namespace import open_folder

ROOT = Path(__file__).parents[2]
DISC = Path("/usr/lib/ipxe") / BOOT_DISC
SECONDS = 240

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(2 * SECONDS),
    pytest.mark.skipif(not DISC.is_file(), reason="iPXE is not installed"),
]


class DiscMachine(QemuProcess):
    """A machine with a disc in its drive, and a network card that its firmware boots nothing by."""

    def __init__(self, firmware: Firmware, disc: Path, folder: Path, network: LabNetwork) -> None:
        self.paths = QemuPaths(folder / "machine")
        self._firmware, self._disc = firmware, disc
        self._tap = network.add_tap("hv1")
        prefix = network.exec_prefix(network.switch)
        super().__init__("hv1", self.paths, prefix=prefix, limit_s=SECONDS)

    def _words(self) -> list[str]:
        return [
            *common_arguments("hv1", self.paths, cpus=1, memory_mib=512, smm=False),
            *flash_arguments(self._firmware, self.paths),
            *("-netdev", f"tap,id=net0,ifname={self._tap},script=no,downscript=no"),
            *("-device", "virtio-net-pci,netdev=net0,mac=52:54:00:00:00:01,romfile="),
            *("-drive", f"if=none,id=disc,media=cdrom,readonly=on,format=raw,file={self._disc}"),
            *("-device", "ide-cd,drive=disc,bootindex=1"),
        ]

    def _furnish(self) -> None:
        template = variables_template(self._firmware)
        if template is not None:
            shutil.copyfile(template, self.paths.variables)


@contextmanager
def serving(network: LabNetwork, folder: Path) -> Iterator[None]:
    """Run the real boot services at the laptop's end of the cable."""
    network.add_appliance_address("10.77.0.1/24")
    (folder / "loader").write_bytes(b"loader")
    program = str(ROOT / "tests/interop/serve_site.py")
    words = [sys.executable, program, network.interface, str(folder), str(DISC)]
    process = subprocess.Popen(
        [*network.exec_prefix(network.appliance), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield
        finally:
            process.kill()


def evidence(folder: Path) -> list[tuple[str, str]]:
    """Give what was seen of the machine, and in which words."""
    with closing(sqlite3.connect(f"file:{folder}/boot/boot.db?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT seen, text FROM event WHERE kind='evidence' ORDER BY id")
        return [(str(seen), str(text)) for seen, text in rows]


@pytest.mark.parametrize("firmware", [Firmware.UEFI, Firmware.BIOS], ids=lambda each: each.value)
def test_the_disc_brings_a_machine_to_its_script(firmware: Firmware) -> None:
    """The very bytes that a BMC fetches: iPXE asks DHCP, is known by its class, gets its script."""
    with (
        open_folder() as folder,
        create(uuid4().hex[:8], "prov0") as network,
        serving(network, folder),
    ):
        disc = folder / "fetched.iso"
        url = f"http://10.77.0.1/a/{BOOT_DISC}"
        network.add_switch_address("10.77.0.51/24")
        fetch = ("curl", "-sS", "--fail", "-o", str(disc), url)
        subprocess.run([*network.exec_prefix(network.switch), *fetch], check=True, timeout=60)
        assert disc.read_bytes() == DISC.read_bytes()
        machine = DiscMachine(firmware, disc, folder, network)
        machine.start()
        try:
            end = time.monotonic() + SECONDS
            while time.monotonic() < end and len(evidence(folder)) < 2:
                time.sleep(0.5)
        finally:
            machine.power_off()
        seen = evidence(folder)
    assert [each for each, _ in seen[:2]] == ["ipxe-dhcp", "install-script"]
    assert {Firmware.UEFI: "uefi-x64", Firmware.BIOS: "bios"}[firmware] in seen[0][1]
