"""A machine of libvirt without network boot: its BMC has the boot disc from the run's services."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from appliance.lab.redfish import RedfishPlace, furnish
from appliance.power.controls import control_of
from appliance.power.model import BootFrom, Power, Target, Way
from appliance.site.artifact_names import BOOT_DISC
from appliance.values import Secret
from tests.lab.test_long_boot_disc import DISC, ROOT, evidence
from tests.own_libvirt import URI, OwnLibvirt, own_libvirt
from tests.unit.flow.inside_namespace import open_folder

SECONDS = 240
BRIDGE, USER = "10.77.0.1", "bridgehead"
URL = f"http://{BRIDGE}/a/{BOOT_DISC}"
_DOMAIN = """
<domain type='qemu'>
  <name>hv1</name> <uuid>{system}</uuid>
  <memory unit='MiB'>512</memory> <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>
    <nvram template='/usr/share/OVMF/OVMF_VARS_4M.fd'>{folder}/hv1.fd</nvram>
  </os>
  <features><acpi/></features>
  <cpu mode='custom'><model>Nehalem</model></cpu>
  <devices>
    <interface type='bridge'>
      <mac address='52:54:00:00:00:01'/> <source bridge='prov0'/>
      <model type='virtio'/> <rom enabled='no'/>
    </interface>
    <serial type='file'><source path='{folder}/console.log'/></serial>
  </devices>
</domain>
"""

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(2 * SECONDS),
    pytest.mark.skipif(not DISC.is_file(), reason="iPXE is not installed"),
    pytest.mark.skipif(not shutil.which("libvirtd"), reason="libvirt is not installed"),
    pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="libvirt's binding is Debian 12's"),
]


@contextlib.contextmanager
def running(words: list[str], ready: str = "") -> Iterator[None]:
    """Run a program for the length of the block; it says first that it is ready."""
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if ready else subprocess.DEVNULL,
        stderr=None if ready else subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        try:
            if process.stdout is not None:
                assert process.stdout.readline() == ready
            yield
        finally:
            process.kill()


def site(libvirt: OwnLibvirt, folder: Path, system: str) -> None:
    """Make the switch with the laptop's address on it, and an empty machine that is off."""
    libvirt.run("ip", "link", "add", "prov0", "type", "bridge", "stp_state", "0")
    libvirt.run("ip", "address", "add", f"{BRIDGE}/24", "dev", "prov0")
    libvirt.run("ip", "link", "set", "prov0", "up")
    (folder / "hv1.xml").write_text(_DOMAIN.format(system=system, folder=folder), encoding="ascii")
    libvirt.virsh("define", str(folder / "hv1.xml"))


def start_from_the_disc(target: Target, folder: Path) -> None:
    """Do what a run does: look, put it in, switch on, wait for the machine, take it out."""
    first = control_of(target, interface="").contact()
    assert BootFrom.DISC in first.boots
    control = control_of(replace(target, fingerprint=first.fingerprint), interface="")
    assert "boot disc" in control.boot_next(BootFrom.DISC)
    control.on()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and len(evidence(folder)) < 2:
        time.sleep(0.5)
    assert control.take_out(URL)
    assert not control.take_out(URL)
    assert control.power() is Power.ON
    control.off()


def test_a_bmc_fetches_the_disc_and_its_machine_comes() -> None:
    """Put in, booted from, seen by the boot services, taken out: nobody touched the machine."""
    system, password = str(uuid4()), Secret(uuid4().hex)
    with open_folder() as folder, own_libvirt(folder / "libvirt", limit_s=2 * SECONDS) as libvirt:
        site(libvirt, folder, system)
        (folder / "loader").write_bytes(b"loader")
        place = RedfishPlace(folder / "bmc", BRIDGE, 8443, URI, USER, (system,))
        furnish(place, password.reveal())
        serve = (sys.executable, str(ROOT / "tests/interop/serve_site.py"))
        services = libvirt.words(*serve, "prov0", str(folder), str(DISC))
        emulator = libvirt.words(*place.words(), more=place.environment())
        with running(services, "ready\n"), running(emulator):
            for _ in range(100):
                if libvirt.inside(place.answers):
                    break
                time.sleep(0.2)
            bmc = f"https://{BRIDGE}:8443"
            target = Target("hv1", Way.REDFISH, bmc, USER, password, system=system, disc=URL)
            libvirt.inside(partial(start_from_the_disc, target, folder))
        seen = evidence(folder)
    assert [each for each, _ in seen[:2]] == ["ipxe-dhcp", "install-script"]
    assert "uefi-x64" in seen[0][1]
