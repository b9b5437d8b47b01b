"""One rehearsal: its network, its machines, and the appliance that brings them up.

The machines and the switch stay for the rehearsal's whole life; the appliance may be killed and
started again any number of times, as on a site.
"""

from __future__ import annotations

import queue
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path
from types import MappingProxyType

from appliance.errors import DeadlineError
from appliance.lab.appliance_process import ApplianceProcess, EventDict
from appliance.lab.harvester_sim.process import SimPlace, SimProcess
from appliance.lab.machine import Firmware, Machine
from appliance.lab.network import LabNetwork, create, sweep
from appliance.lab.specs import specs_of
from appliance.site.load import load_file
from appliance.site.plan import Plan

INTERFACE = "prov0"

Watcher = Callable[["Rehearsal", EventDict], None]


@dataclass(slots=True)
class Rehearsal:
    """A site under rehearsal. `history` holds every event of every start of the appliance."""

    site: Path
    plan: Plan
    folder: Path
    network: LabNetwork
    machines: dict[str, Machine]
    hypervisor: SimProcess
    history: list[EventDict] = field(default_factory=list)
    starts: int = 0
    appliance: ApplianceProcess | None = None

    @property
    def state(self) -> Path:
        """The appliance's state folder."""
        return self.folder / "state"

    def start_appliance(self) -> None:
        """Start `provision run`, as the operator does, again if it was started before."""
        self.appliance = ApplianceProcess(
            self.site,
            self.state,
            self.network.interface,
            self.network.exec_prefix(self.network.appliance),
        )
        self.starts += 1
        self.appliance.start()

    def power_on(self) -> None:
        """Press every machine's button."""
        for machine in self.machines.values():
            machine.start()

    def follow(self, watch: Watcher, *, seconds: float) -> int:
        """Pass every event to `watch` until the appliance ends; give its exit code.

        Machines are powered on when the appliance says that it now installs machines, as a field
        engineer would. Raises DeadlineError when `seconds` are over.
        """
        appliance = self.appliance
        if appliance is None:
            raise ValueError("the appliance was not started")
        until = time.monotonic() + seconds
        while True:
            left = until - time.monotonic()
            if left <= 0:
                raise DeadlineError(
                    f"the rehearsal did not end within {seconds:.0f} s",
                    where=str(self.folder),
                    why=f"last event: {self.history[-1] if self.history else None}",
                    fix="look at the consoles in that folder",
                )
            try:
                event = appliance.events.get(timeout=min(left, 1))
            except queue.Empty:
                continue
            if event is None:
                code = appliance.wait(10)
                return -1 if code is None else code
            self.history.append(event)
            if event.get("kind") == "step-started" and event.get("step") == "s4":
                self.power_on()
            watch(self, event)


@contextmanager
def rehearsed(
    site: Path,
    plan: Plan,
    folder: Path,
    *,
    limit_s: float,
    firmware: Mapping[str, Firmware] = MappingProxyType({}),
    other_disks: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Iterator[Rehearsal]:
    """Build the network and the machines (off, disks blank), and take all down at the end.

    `firmware` replaces that of the site file, by machine; `other_disks` are the serial numbers of
    disks beside those that the file names. `folder` must be open to all: the boot
    process runs without rights.
    """
    sweep()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        network = stack.enter_context(create(secrets.token_hex(3), INTERFACE))
        # The site's own router: without it dracut asks for it by ARP for a minute (measured).
        prefix = plan.provisioning.cidr.prefixlen
        network.add_switch_address(f"{switch_address(plan)}/{prefix}")
        hypervisor = SimProcess(_place_of(plan, folder, network))
        hypervisor.start()
        stack.callback(hypervisor.stop)
        machines: dict[str, Machine] = {}
        for said in specs_of(plan, load_file(site).site.lab):
            spec = replace(
                said,
                firmware=firmware.get(said.name, said.firmware),
                other_disks=(*said.other_disks, *other_disks.get(said.name, ())),
                host_values={**said.host_values, "relay": hypervisor.place.relay},
            )
            taps = [network.add_tap(f"t{len(network.taps)}") for _ in spec.macs]
            machine = Machine(
                spec,
                folder / "machines" / spec.name,
                taps,
                prefix=network.exec_prefix(network.switch),
                limit_s=limit_s,
            )
            machines[spec.name] = machine
            stack.callback(machine.power_off)
        rehearsal = Rehearsal(site, plan, folder, network, machines, hypervisor)
        stack.callback(_end_appliance, rehearsal)
        yield rehearsal


def switch_address(plan: Plan) -> IPv4Address:
    """Give the switch its own address: the router's, or where the laptop is that, the last."""
    main = plan.provisioning
    return main.gateway if main.gateway != main.bridge else main.cidr[-2]


def _place_of(plan: Plan, folder: Path, network: LabNetwork) -> SimPlace:
    return SimPlace(
        folder / "hypervisor",
        str(switch_address(plan)),
        str(plan.hypervisor.vip),
        prefix=network.exec_prefix(network.switch),
        harvester=plan.hypervisor.harvester,
        # Virtual machines that ask for UEFI start by BIOS: OVMF costs each 15 s of a core.
        options=("--quick-firmware",),
    )


def _end_appliance(rehearsal: Rehearsal) -> None:
    if rehearsal.appliance is not None and rehearsal.appliance.code is None:
        rehearsal.appliance.interrupt()
        if rehearsal.appliance.wait(20) is None:
            rehearsal.appliance.kill()
            rehearsal.appliance.wait(10)
