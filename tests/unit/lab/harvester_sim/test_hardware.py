"""From an object to what QEMU runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from appliance.lab.harvester_sim import kinds
from appliance.lab.harvester_sim.admission import admit
from appliance.lab.harvester_sim.faults import Faults
from appliance.lab.harvester_sim.hardware import Hardware, WaitingError, interfaces_of, mac_of
from appliance.lab.harvester_sim.images import Images
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.volumes import Volumes
from appliance.lab.machine import Firmware
from tests.unit.lab.harvester_sim.parts import Machine

Json = dict[str, Any]


@pytest.fixture
def hardware(store: ObjectStore, tmp_path: Path) -> Hardware:
    """Machines whose cables end nowhere."""
    images = Images(store, tmp_path / "images", Faults())
    volumes = Volumes(store, images, tmp_path / "volumes")
    return Hardware(store, volumes, Faults(), tmp_path / "machines", bridge="", quick=True)


def with_claim(store: ObjectStore, body: Json) -> Json:
    """Admit a machine; make its claim, without an image."""
    admit(store, kinds.MACHINE, body, None)
    spec = {"resources": {"requests": {"storage": "1Mi"}}}
    meta = {"name": "vm1-disk", "namespace": "default"}
    store.create(kinds.CLAIM, {"metadata": meta, "spec": spec})
    return body


def test_a_machine_is_built_as_its_object_says(
    store: ObjectStore, hardware: Hardware, machine: Machine
) -> None:
    """Disk first, then the seed; the card with its own MAC and no cable; quick firmware."""
    coded = {"userdata": "I2Nsb3VkLWNvbmZpZwo="}
    store.create(kinds.SECRET, {"metadata": {"name": "u", "namespace": "default"}, "data": coded})
    efi = {"bootloader": {"efi": {"secureBoot": False}}}
    spec = hardware.build(with_claim(store, machine(user_data_secret="u", firmware=efi)))
    assert [(disk.form, disk.boot_order, disk.read_only) for disk in spec.disks] == [
        ("qcow2", 1, False),
        ("raw", 0, True),
    ]
    assert spec.disks[1].path == hardware.folder("default", "vm1") / "seed.iso"
    assert [(card.mac, card.tap) for card in spec.cards] == [("02:00:00:00:00:01", "")]
    assert (spec.cpus, spec.memory_mib, spec.firmware) == (1, 28, Firmware.BIOS)
    body = machine()
    hardware.take_apart(body)
    assert not spec.disks[1].path.exists()


def test_what_is_missing_is_waited_for(
    store: ObjectStore, hardware: Hardware, machine: Machine
) -> None:
    """A volume, a secret, a kind of volume that the lab does not have."""
    body = machine(user_data_secret="none")
    with pytest.raises(WaitingError) as caught:
        hardware.build(body)
    assert caught.value.printable == "ErrorPvcNotFound"
    with_claim(store, body)
    with pytest.raises(WaitingError, match='secret "none" not found') as caught:
        hardware.build(body)
    assert (caught.value.printable, caught.value.reason) == ("Starting", "FailedMount")
    body["spec"]["template"]["spec"]["volumes"][1] = {"name": "cloudinitdisk", "containerDisk": {}}
    with pytest.raises(WaitingError, match="does not have"):
        hardware.build(body)


def test_a_cd_is_a_cd_and_an_empty_drive_is_left_out(
    store: ObjectStore, hardware: Hardware, machine: Machine
) -> None:
    """A CD's bus is SATA unless it is said."""
    body = with_claim(store, machine())
    inner = body["spec"]["template"]["spec"]
    inner["domain"]["devices"]["disks"] = [
        {"name": "disk", "cdrom": {}},
        {"name": "e", "cdrom": {}},
    ]
    (disk,) = hardware.build(body).disks
    assert (disk.cd, disk.bus) == (True, "sata")


def test_a_card_without_a_mac_has_one_that_stays(machine: Machine) -> None:
    """Locally administered, of its machine and its name alone."""
    body = machine()
    (interface,) = interfaces_of(body)
    assert mac_of(body, interface) == "02:00:00:00:00:01"
    del interface["macAddress"]
    mac = mac_of(body, interface)
    assert mac.startswith("02:00:")
    assert mac == mac_of(machine(), interface)
    assert mac != mac_of(machine("vm2"), interface)
