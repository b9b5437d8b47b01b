"""The lab's machines are those of the site's own file."""

from __future__ import annotations

import pytest

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
    "disk", ["/dev/disk/by-id/nvme-X_Y", "/dev/disk/by-path/pci-0000:01:00.0-nvme-1"]
)
def test_a_disk_that_no_virtio_disk_can_be_called_is_named_by_the_stand_in(disk: str) -> None:
    """The site's own file is rehearsed as it is: the path is made, to the disk of that serial."""
    (spec,) = specs_of(_plan(_site(disk=disk)), LabSite())
    assert spec.host_values["disks"] == f"{spec.disk_serial}={disk}"
    assert len(spec.disk_serial) <= 20


def test_every_disk_of_the_file_is_there() -> None:
    """A data disk and the disks to wipe are further blank disks."""
    text = _SITE.format(version="v1.8.2", firmware="uefi", disk=_DISK).replace(
        "}\n", ", data_disk: /dev/disk/by-id/ata-D, wipe_disks: [/dev/disk/by-id/virtio-W]}\n"
    )
    (spec,) = specs_of(_plan(load_text(text).site), LabSite())
    data, wiped = spec.other_disks
    assert spec.host_values["disks"] == f"{data}=/dev/disk/by-id/ata-D"
    assert (spec.disk_serial, wiped) == ("A-0", "W")


def test_small_machines_are_not_judged_unless_the_site_says_they_are_small() -> None:
    """With `accept_small_hardware` the real check runs, and is skipped by the site's own word."""
    site = _site()
    (spec,) = specs_of(_plan(site), LabSite())
    assert spec.host_values["hardware"] == "as-planned"
    small = site.hypervisor.model_copy(update={"accept_small_hardware": True})
    (spec,) = specs_of(_plan(site.model_copy(update={"hypervisor": small})), LabSite())
    assert "hardware" not in spec.host_values


_UNKNOWN = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {match: {serial: S7, product: PowerEdge}, disk: "size >= 250G, size < 1T"}
    hv2: {}
"""


def test_what_discovery_is_to_find_is_made_up() -> None:
    """The same at each rehearsal: a MAC of its own, what the file matches, a disk large enough."""
    plan = _plan(load_text(_UNKNOWN).site)
    one, two = specs_of(plan, LabSite())
    assert specs_of(plan, LabSite()) == (one, two)
    assert (one.serial, one.product, one.disk_gib) == ("S7", "PowerEdge", 250)
    assert (two.serial, two.product, two.disk_gib) == ("LAB-HV2", "Lab machine", 12)
    assert one.macs != two.macs
    assert {str(mac)[:8] for mac in (*one.macs, *two.macs)} == {"52:54:00"}
    assert (one.disk_serial, two.disk_serial) == ("hv1-0", "hv2-0")


@pytest.mark.parametrize(
    ("selector", "gib"),
    [("size > 250G", 251), ("size = 500GB", 466), ("size < 10G", 9), ("not usb", 12)],
)
def test_a_disk_is_as_large_as_its_selector_asks(selector: str, gib: int) -> None:
    """It is sparse, and costs nothing."""
    text = _SITE.format(version="v1.8.2", firmware="uefi", disk=f'"{selector}"')
    (spec,) = specs_of(_plan(load_text(text).site), LabSite())
    assert spec.disk_gib == gib
