"""From a machine's object to what QEMU runs: its disks, its cards, its seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from appliance.lab.harvester_sim.cables import plug_in, tap_name, unplug
from appliance.lab.harvester_sim.faults import Faults
from appliance.lab.harvester_sim.objects import ObjectStore
from appliance.lab.harvester_sim.seed import (
    MissingSecretError,
    addresses_in,
    read_seed,
    write_seed,
)
from appliance.lab.harvester_sim.virtual_machine import (
    VmCard,
    VmDisk,
    VmSpec,
    firmware_of,
    size_of,
)
from appliance.lab.harvester_sim.volumes import VolumeError, Volumes

Json = dict[str, Any]


class WaitingError(Exception):
    """A machine that cannot be started now: the status it shows, the reason, the sentence."""

    def __init__(self, printable: str, reason: str, why: str) -> None:
        super().__init__(why)
        self.printable = printable
        self.reason = reason


class Hardware:
    """Builds machines in their folders, with cables to `bridge`; empty: they end nowhere.

    `quick`: see `virtual_machine.firmware_of`.
    """

    def __init__(
        self,
        store: ObjectStore,
        volumes: Volumes,
        faults: Faults,
        folder: Path,
        *,
        bridge: str,
        quick: bool = False,
    ) -> None:
        self._store = store
        self._volumes = volumes
        self._faults = faults
        self._folder = folder
        self._bridge = bridge
        self._quick = quick
        self._told: dict[str, tuple[str, ...]] = {}

    def folder(self, namespace: str, name: str) -> Path:
        """Name the folder of a machine's console and other things."""
        return self._folder / f"{namespace}.{name}"

    def addresses_told(self, machine: Json) -> tuple[str, ...]:
        """Give the addresses that the machine's seed told it to take at its last start."""
        return self._told.get(machine["metadata"].get("uid", ""), ())

    def take_apart(self, machine: Json) -> None:
        """Unplug the cables and forget what belongs to this machine alone; keep its console."""
        meta = machine["metadata"]
        for interface in interfaces_of(machine):
            if self._bridge:
                unplug(tap_name(meta["namespace"], meta["name"], interface["name"]))
        for leftover in ("seed.iso", "variables.fd"):
            (self.folder(meta["namespace"], meta["name"]) / leftover).unlink(missing_ok=True)

    def build(self, machine: Json) -> VmSpec:
        """Give the machine as QEMU runs it, with all its disks made. Raises WaitingError."""
        meta = machine["metadata"]
        cpus, memory = size_of(machine)
        domain = machine["spec"]["template"]["spec"]["domain"]
        return VmSpec(
            name=meta["name"],
            cpus=cpus,
            memory_mib=memory,
            firmware=firmware_of(machine, quick=self._quick),
            disks=tuple(self._disks(machine)),
            cards=tuple(self._cards(machine)),
            uuid=(domain.get("firmware") or {}).get("uuid", ""),
        )

    def _disks(self, machine: Json) -> list[VmDisk]:
        meta, inner = machine["metadata"], machine["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in inner.get("volumes") or []}
        disks = []
        for disk in inner["domain"]["devices"].get("disks") or []:
            volume = volumes.get(disk["name"])
            if volume is None:
                continue  # an empty CD drive
            if "persistentVolumeClaim" in volume:
                path = self._volume(meta["namespace"], volume["persistentVolumeClaim"]["claimName"])
                form = "qcow2"
            elif {"cloudInitNoCloud", "cloudInitConfigDrive"} & volume.keys():
                path, form = self._seed(machine, volume), "raw"
            else:
                said = f"volume {volume['name']} is of a kind that the lab does not have"
                raise WaitingError("ErrorUnschedulable", "Unschedulable", said)
            disks.append(_disk(disk, path, form))
        return disks

    def _volume(self, namespace: str, claim: str) -> Path:
        try:
            return self._volumes.file(namespace, claim)
        except VolumeError as error:
            raise WaitingError(error.printable, "Unschedulable", str(error)) from error

    def _seed(self, machine: Json, volume: Json) -> Path:
        folder = self.folder(machine["metadata"]["namespace"], machine["metadata"]["name"])
        folder.mkdir(parents=True, exist_ok=True)
        try:
            seed = read_seed(self._store, machine, volume)
        except MissingSecretError as error:
            raise WaitingError("Starting", "FailedMount", str(error)) from error
        self._told[machine["metadata"].get("uid", "")] = addresses_in(seed)
        target = folder / "seed.iso"
        write_seed(seed, target)
        return target

    def _cards(self, machine: Json) -> list[VmCard]:
        meta = machine["metadata"]
        cards = []
        for interface in interfaces_of(machine):
            tap = ""
            if self._bridge and not self._faults.has_no_address(meta["name"]):
                tap = tap_name(meta["namespace"], meta["name"], interface["name"])
                plug_in(tap, self._bridge)
            cards.append(
                VmCard(
                    mac_of(machine, interface),
                    tap,
                    interface.get("model") or "virtio",
                    int(interface.get("bootOrder") or 0),
                )
            )
        return cards


def _disk(disk: Json, path: Path, form: str) -> VmDisk:
    cd = "cdrom" in disk
    target = disk.get("cdrom") or disk.get("disk") or disk.get("lun") or {}
    return VmDisk(
        path,
        bus=target.get("bus") or ("sata" if cd else "virtio"),
        cd=cd,
        form=form,
        boot_order=int(disk.get("bootOrder") or 0),
        read_only=form == "raw",
    )


def mac_of(machine: Json, interface: Json) -> str:
    """Give a card's MAC: the one asked for, else one derived from the machine, always the same."""
    if interface.get("macAddress"):
        return str(interface["macAddress"]).lower().replace("-", ":")
    meta = machine["metadata"]
    tail = tap_name(meta["namespace"], meta["name"], interface["name"])[1:9]
    return ":".join(["02", "00", *(tail[at : at + 2] for at in range(0, 8, 2))])


def interfaces_of(machine: Json) -> list[Json]:
    """Give the interfaces of a machine's object."""
    devices = machine["spec"]["template"]["spec"]["domain"]["devices"]
    return list(devices.get("interfaces") or [])
