"""The lab's machines are those of the site's own file."""

from __future__ import annotations

import pytest

from appliance.errors import InputError
from appliance.lab.machine import Firmware
from appliance.lab.specs import specs_of
from appliance.site.freeze import propose
from appliance.site.load import load_text
from appliance.site.make_plan import make_plan
from appliance.site.model import LabSite, Site
from appliance.site.plan import Plan

_SITE = """
site: alpha
hypervisor:
  harvester: {version}
  machines:
    hv1: {{mac: "52:54:00:00:00:01", serial: S1, firmware: {firmware}, disk: {disk}}}
"""
_DISK = "/dev/disk/by-id/virtio-A-0"


def _site(firmware: str = "uefi", disk: str = _DISK, version: str = "v1.8.2") -> Site:
    return load_text(_SITE.format(firmware=firmware, disk=disk, version=version)).site


def _plan(site: Site) -> Plan:
    return make_plan(site, propose(site))


@pytest.mark.parametrize(
    ("said", "version", "built"),
    [
        ("uefi", "v1.8.2", Firmware.UEFI),
        ("uefi-http", "v1.8.2", Firmware.UEFI_HTTP),
        ("bios", "v1.7.3", Firmware.BIOS),
    ],
)
def test_a_machine_gets_the_firmware_serial_and_disk_of_the_file(
    said: str, version: str, built: Firmware
) -> None:
    """So that by-id paths and reservations hold in the rehearsal as at the site."""
    (spec,) = specs_of(_plan(_site(said, version=version)), LabSite())
    assert (spec.firmware, spec.serial, spec.disk_serial) == (built, "S1", "A-0")
    assert [str(mac) for mac in spec.macs] == ["52:54:00:00:00:01"]


def test_sizes_come_from_the_lab_block() -> None:
    """Sizes are in GiB and MiB as QEMU takes them."""
    lab = LabSite.model_validate({"memory": "4G", "cpus": 1, "disk": "20G"})
    (spec,) = specs_of(_plan(_site()), lab)
    assert (spec.memory_mib, spec.cpus, spec.disk_gib) == (4096, 1, 20)


@pytest.mark.parametrize(
    ("disk", "words"),
    [
        ("/dev/disk/by-id/nvme-X_Y", "virtio"),
        ("/dev/disk/by-id/virtio-123456789012345678901", "20 characters"),
    ],
)
def test_a_disk_the_lab_cannot_build_is_refused(disk: str, words: str) -> None:
    """It is said what the lab can build, before anything starts."""
    with pytest.raises(InputError) as caught:
        specs_of(_plan(_site(disk=disk)), LabSite())
    assert words in str(caught.value)
