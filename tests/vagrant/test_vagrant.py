"""The Vagrantfile with a real libvirt: empty machines come, are switched by Redfish, and go.

Without the bridge: what is shown here is that its part of the world is as a site's is. The whole
is `make test-vagrant`.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import ssl
import sys
import uuid
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from appliance.errors import BmcLoginError
from appliance.lab.outside import PASSWORD, PLACE
from appliance.power.controls import control_of
from appliance.power.model import BootFrom, Power, Target, Way
from appliance.values import Secret
from tests.own_libvirt import OwnLibvirt, own_libvirt

pytestmark = [pytest.mark.root, pytest.mark.timeout(360)]

ADDRESS, USER = "10.82.0.1", "bridgehead"
UEFI, BIOS = (str(uuid.uuid5(uuid.NAMESPACE_DNS, name)) for name in ("uefi.test", "bios.test"))
SITE = f"""
site: SITE
networks:
  main: {{cidr: 10.82.0.0/24, gateway: {ADDRESS}}}
hypervisor:
  harvester: v1.7.3
  accept_small_hardware: true
  machines:
    hv1:
      role: create
      mac: "52:54:00:82:00:11"
      firmware: uefi
      disk: /dev/disk/by-id/virtio-hv1-0
      bmc: {{address: "https://{ADDRESS}:8443", user: {USER}, system: {UEFI}}}
    hv2:
      mac: "52:54:00:82:00:12"
      firmware: bios
      disk: /dev/disk/by-id/virtio-hv2-0
      bmc: {{address: "https://{ADDRESS}:8443", user: {USER}, system: {BIOS}}}
lab: {{memory: 512M, cpus: 1, disk: 12G}}
"""


@pytest.fixture
def libvirt(tmp_path: Path) -> Iterator[OwnLibvirt]:
    """A libvirt for one test; what runs in it five minutes later is killed."""
    with own_libvirt(tmp_path / "libvirt", limit_s=300) as found:
        yield found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """A site of a machine with UEFI and one with a BIOS."""
    file = tmp_path / "site.yaml"
    file.write_text(SITE.replace("SITE", f"v{uuid.uuid4().hex[:7]}"), encoding="ascii")
    yield file
    shutil.rmtree(PLACE / name_of(file), ignore_errors=True)


def name_of(site: Path) -> str:
    """Give the site's name."""
    return site.read_text(encoding="ascii").split()[1]


def test_the_vagrantfile_is_valid_for_both_providers(libvirt: OwnLibvirt, site: Path) -> None:
    """With the example and with another site file; VirtualBox itself is not there, nor asked."""
    valid = "Vagrantfile validated successfully.\n"
    virtualbox = {"VAGRANT_DEFAULT_PROVIDER": "virtualbox"}

    assert libvirt.run("vagrant", "validate") == valid
    assert libvirt.run("vagrant", "validate", more={"BRIDGEHEAD_SITE": str(site)}) == valid
    assert valid in libvirt.run("vagrant", "validate", "--ignore-provider", more=virtualbox)


def test_empty_machines_come_are_switched_by_their_bmcs_and_go(
    libvirt: OwnLibvirt, site: Path
) -> None:
    """After `vagrant destroy -f` all lists are as before, although one was on."""
    before = libvirt.lists()
    words = {"BRIDGEHEAD_SITE": str(site)}
    up = ("vagrant", "up", "--provider", "libvirt", "hv1", "hv2")
    libvirt.run(*up, seconds=120, more=words)
    prefix = f"bridgehead-{name_of(site)}"

    assert libvirt.lists().machines == (f"{prefix}-hv1", f"{prefix}-hv2")
    assert libvirt.lists().networks == (prefix,)
    assert libvirt.virsh("list", "--name") == ""
    for name, system in ((f"{prefix}-hv1", UEFI), (f"{prefix}-hv2", BIOS)):
        libvirt.inside(partial(switch, libvirt, name, system, PLACE / name_of(site)))
    assert libvirt.virsh("list", "--name").split() == [f"{prefix}-hv2"]
    nothing_but_the_bmc_is_on_the_closed_network(libvirt, prefix)
    number = libvirt.virsh("domid", f"{prefix}-hv2")
    libvirt.run(*up, seconds=120, more=words)  # again: what is on is not touched
    assert libvirt.virsh("list", "--name").split() == [f"{prefix}-hv2"]
    assert libvirt.virsh("domid", f"{prefix}-hv2") == number

    libvirt.run("vagrant", "destroy", "-f", "hv1", "hv2", seconds=120, more=words)
    assert libvirt.lists() == before
    assert not (PLACE / name_of(site)).exists()


def switch(libvirt: OwnLibvirt, name: str, system: str, place: Path) -> None:
    """Set where it boots from, switch it on, off and on; leave the UEFI one off."""
    password = Secret((place / PASSWORD).read_text(encoding="ascii"))
    bmc = f"https://{ADDRESS}:8443"
    target = Target(name, Way.REDFISH, bmc, USER, password, system=system, uefi=system == UEFI)
    first = control_of(target, interface="").contact()
    der = ssl.PEM_cert_to_DER_cert((place / "bmc-8443" / "tls.crt").read_text(encoding="ascii"))
    assert (first.fingerprint or "").endswith(hashlib.sha256(der).hexdigest())
    control = control_of(replace(target, fingerprint=first.fingerprint), interface="")

    for wanted, device in ((BootFrom.DISK, "disk"), (BootFrom.PXE, "interface")):
        control.boot_next(wanted)
        assert boots_first(libvirt, name) == device
    control.on()
    assert libvirt.virsh("domstate", name) == "running"
    control.off()
    assert libvirt.virsh("domstate", name) == "shut off"
    if system == BIOS:
        control.cycle()
    assert control.power() is (Power.ON if system == BIOS else Power.OFF)
    wrong = replace(control.target, password=Secret("wrong"))
    with pytest.raises(BmcLoginError):
        control_of(wrong, interface="").power()


def boots_first(libvirt: OwnLibvirt, name: str) -> str:
    """Give what libvirt has that machine boot from first: disk or interface."""
    tree = ET.fromstring(libvirt.virsh("dumpxml", "--inactive", name))
    orders = {
        boot.get("order"): device.tag
        for device in tree.findall("./devices/*")
        for boot in device.findall("boot")
    }
    return orders["1"]


def nothing_but_the_bmc_is_on_the_closed_network(libvirt: OwnLibvirt, network: str) -> None:
    """Libvirt gives no addresses there; this computer has the router's, for BMCs and stand-in."""
    bridge = ET.fromstring(libvirt.virsh("net-dumpxml", network)).find("bridge")
    assert bridge is not None
    said = json.loads(libvirt.run("ip", "-j", "-4", "address", "show", str(bridge.get("name"))))
    assert [each["local"] for each in said[0]["addr_info"]] == [ADDRESS]
    assert not [line for line in libvirt.lists().processes if "dnsmasq" in line]


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="libvirt's binding is Debian 12's")
def test_a_second_start_of_the_outer_parts_does_nothing(libvirt: OwnLibvirt, site: Path) -> None:
    """Nor does a second end; without the closed network it says what brings it."""
    words = (sys.executable, "-m", "appliance.lab.outside")
    done = libvirt.try_to(*words, "start", str(site))
    assert done.returncode == 4
    assert "there is no network" in done.stderr
    for _ in range(2):
        libvirt.run(*words, "stop", str(site))
    assert not (PLACE / name_of(site)).exists()
