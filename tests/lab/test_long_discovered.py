"""Machines that nobody knows: they say what they are, people choose, and they install."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from appliance.lab.appliance_process import EventDict
from appliance.lab.machine import Machine
from appliance.lab.rehearsal import Rehearsal
from tests.lab.operating import provision
from tests.lab.rehearsing import LIMIT_SECONDS, installs_on_disk, last_states, staged

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(2400),
]

_SITE = """\
site: {site}
networks:
  main: {{cidr: 10.77.5.0/24, gateway: 10.77.5.1}}
hypervisor:
  harvester: {version}
  accept_small_hardware: true
  console: [ttyS0]
  machines:
    hv1: {machine}
lab: {{memory: 3G, cpus: 2, disk: 12G}}
"""


def _site(folder: Path, machine: str, version: str = "v1.8.2") -> str:
    path = folder / "site.yaml"
    path.write_text(_SITE.format(site="lab-new", version=version, machine=machine), "utf-8")
    return str(path)


def _first(rehearsal: Rehearsal, kind: str, **data: str) -> float:
    """Give the time of the first event of a kind."""
    return next(
        float(each["at"])
        for each in rehearsal.history
        if each["kind"] == kind and data.items() <= each.get("data", {}).items()
    )


@pytest.mark.parametrize(
    ("firmware", "version"), [("bios", "v1.7.3"), ("uefi", "v1.8.2"), ("uefi-http", "v1.8.2")]
)
def test_a_blank_unknown_machine_is_listed_and_installs_once_approved(
    tmp_path: Path, firmware: str, version: str
) -> None:
    """Nothing of it is in the site file: its disks are seen, one is chosen, and nobody touches it.

    The time from its first DHCP request to its report is printed.
    """
    site = _site(tmp_path, f"{{firmware: {firmware}}}", version)
    with staged(site) as rehearsal:
        (mac,) = rehearsal.machines["hv1"].spec.macs
        asked: list[str] = []

        def choose(rehearsal: Rehearsal, event: EventDict) -> None:
            if event["kind"] != "discovered" or asked:
                return
            listed = provision(rehearsal, "status", site).stdout
            asked.append(listed)
            words = ("--name", "hv1", "--disk", "/dev/disk/by-id/virtio-hv1-0")
            done = provision(rehearsal, "approve", site, str(mac), *words)
            assert done.returncode == 0, done.stdout + done.stderr

        rehearsal.start_appliance()
        assert rehearsal.follow(choose, seconds=LIMIT_SECONDS) == 0
        assert last_states(rehearsal) == {"hv1": "ready"}
        assert installs_on_disk(rehearsal, "hv1") == 1
        (listed,) = asked
        assert str(mac) in listed
        assert "virtio-hv1-0" in listed
        seconds = _first(rehearsal, "discovered") - _first(rehearsal, "dhcp")
        print(f"{firmware}: reported {seconds:.0f} s after its first DHCP request")  # noqa: T201


def test_a_serial_number_and_a_selector_are_enough(tmp_path: Path) -> None:
    """The site file names neither MAC nor disk, and nobody approves anything."""
    machine = '{match: {serial: BH-7}, firmware: uefi, disk: "size >= 10G, not usb"}'
    with staged(_site(tmp_path, machine)) as rehearsal:
        rehearsal.start_appliance()
        assert rehearsal.follow(lambda *_: None, seconds=LIMIT_SECONDS) == 0
        assert last_states(rehearsal) == {"hv1": "ready"}
        assert installs_on_disk(rehearsal, "hv1") == 1
        (found,) = (each for each in rehearsal.history if each["kind"] == "identified")
        assert found["data"]["disk"] == "/dev/disk/by-id/virtio-hv1-0"


@pytest.mark.parametrize(
    ("disks", "said"),
    [(("spare",), "2 disks match"), ((), "holds data")],
    ids=["two-disks-match", "a-disk-with-data"],
)
def test_a_refused_disk_is_as_it_was(tmp_path: Path, disks: tuple[str, ...], said: str) -> None:
    """Whatever is tried of what is refused, every octet of the disk with data stays."""
    machine = '{match: {serial: BH-7}, firmware: uefi, disk: "size >= 10G"}'
    site = _site(tmp_path, machine)
    with staged(site, other_disks={"hv1": disks}) as rehearsal:
        box = rehearsal.machines["hv1"]
        _put_data_on(box, tmp_path)
        before = _sum(box)
        held: list[str] = []

        def stop_when_held(rehearsal: Rehearsal, event: EventDict) -> None:
            if held or said not in str(event.get("text")) or event["kind"] != "finding":
                return
            held.append(str(event["text"]))
            (mac,) = box.spec.macs
            for words in (
                ("--name", "hv1"),
                ("--name", "hv1", "--disk", "virtio-hv1-0"),
                ("--name", "hv1", "--erase", "hv2"),
                ("--name", "hv1", "--disk", "/dev/disk/by-id/virtio-hv1-0"),
            ):
                refused = provision(rehearsal, "approve", site, str(mac), *words)
                assert refused.returncode == 2, (words, refused.stdout)
            assert rehearsal.appliance is not None
            rehearsal.appliance.interrupt()

        rehearsal.start_appliance()
        assert rehearsal.follow(stop_when_held, seconds=LIMIT_SECONDS) == 130
        assert held
        box.power_off()
        assert _sum(box) == before


def _put_data_on(box: Machine, folder: Path) -> None:
    """Make the machine's first disk one with an ext4 file system and a file."""
    tree, raw = folder / "tree", folder / "raw"
    (tree / "etc").mkdir(parents=True)
    (tree / "letters.txt").write_text("dear all\n", "utf-8")
    with raw.open("wb") as file:
        file.truncate(box.spec.disk_gib << 30)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "letters", "-d", tree, raw], check=True)
    box.paths.folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["qemu-img", "convert", "-q", "-f", "raw", "-O", "qcow2", raw, box.paths.disk], check=True
    )
    raw.unlink()


def _sum(box: Machine) -> str:
    """Give the SHA-256 of what the machine's first disk holds, not of the file that keeps it."""
    digest = hashlib.sha256()
    raw = box.paths.disk.with_suffix(".raw")
    subprocess.run(
        ["qemu-img", "convert", "-q", "-f", "qcow2", "-O", "raw", box.paths.disk, raw], check=True
    )
    descriptor, end = os.open(raw, os.O_RDONLY), 0
    try:
        # Most of a sparse disk is holes; where the octets are counts as much as what they are.
        while (begin := _next_data(descriptor, end)) is not None:
            end = os.lseek(descriptor, begin, os.SEEK_HOLE)
            digest.update(f"{begin} ".encode())
            for place in range(begin, end, 1 << 24):
                digest.update(os.pread(descriptor, min(1 << 24, end - place), place))
    finally:
        os.close(descriptor)
        raw.unlink()
    return digest.hexdigest()


def _next_data(descriptor: int, place: int) -> int | None:
    try:
        return os.lseek(descriptor, place, os.SEEK_DATA)
    except OSError:
        return None
