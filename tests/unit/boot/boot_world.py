"""A site of two machines on loopback, for the boot services' tests."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from appliance.boot.boot_store import BootStore
from appliance.boot.control import Event, Reported, ToMain
from appliance.boot.model import (
    TOKEN_MARK,
    BootEvent,
    BootMachine,
    BootNetwork,
    Documents,
    ServedFile,
)
from appliance.boot.stage1 import Stage1
from appliance.boot.state import BootState
from appliance.machines.state import Seen
from appliance.tools.clock import Clock
from appliance.values import Mac, Secret

HV1 = Mac("525400000001")
HV2 = Mac("525400000002")
HV1_ADDRESS = IPv4Address("127.0.0.11")
HV2_ADDRESS = IPv4Address("127.0.0.12")
SCRIPT = f"#!ipxe\nkernel http://127.0.0.1/c/{TOKEN_MARK}/config.yaml\n"
CONFIG = f"token: {TOKEN_MARK}\n"

NETWORK = BootNetwork(
    interface="lo",
    cidr=IPv4Network("127.0.0.0/24"),
    bridge=IPv4Address("127.0.0.1"),
    gateway=IPv4Address("127.0.0.1"),
    dns=(IPv4Address("127.0.0.1"),),
    ntp=(IPv4Address("127.0.0.1"),),
    pool_first=IPv4Address("127.0.0.100"),
    pool_last=IPv4Address("127.0.0.200"),
    zone="alpha.lan",
    hosts=(("hv1", HV1_ADDRESS), ("hv2", HV2_ADDRESS)),
)


def armed(script: str = SCRIPT, config: str = CONFIG) -> BootMachine:
    """Give hv1, armed with documents."""
    return BootMachine(
        "hv1", "hv1", (HV1,), HV1_ADDRESS, documents=Documents(Secret(script), Secret(config))
    )


def held(reason: str = "it has no disk chosen") -> BootMachine:
    """Give hv2, held."""
    return BootMachine("hv2", "hv2", (HV2,), HV2_ADDRESS, hold=reason)


@dataclass
class HandClock:
    """A clock that the test moves by hand."""

    unix: float = 1_800_000_000.0
    mono: float = 1000.0

    def clock(self) -> Clock:
        """Give it in the services' form."""
        return Clock(lambda: self.unix, lambda: self.mono)

    def pass_time(self, seconds: float) -> None:
        """Let time pass on both clocks."""
        self.unix += seconds
        self.mono += seconds


@dataclass
class World:
    """A BootState with its database, a clock in hand, and what it told main."""

    folder: Path
    time: HandClock = field(default_factory=HandClock)
    told: list[ToMain] = field(default_factory=list)
    arp: dict[IPv4Address, Mac] = field(default_factory=dict)
    files: tuple[ServedFile, ...] = ()
    tokens: itertools.count[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.start((armed(), held()))

    def start(self, machines: tuple[BootMachine, ...]) -> None:
        """Begin, or begin again with the same database as after a crash."""
        self.store = BootStore(self.folder / "boot.db")
        self.state = BootState(
            store=self.store,
            clock=self.time.clock(),
            emit=self.told.append,
            new_token=lambda: f"token-{next(self.tokens)}",
            neighbour=self.arp.get,
        )
        self.state.configure(NETWORK, self.files)
        self.state.set_machines(machines)
        self.stage1 = Stage1(self.state, new_token=lambda: f"stage1-{next(self.tokens)}")

    def reports(self) -> list[Reported]:
        """Give what main was told that machines report."""
        return [each for each in self.told if isinstance(each, Reported)]

    def serve(self, name: str, content: bytes, proves: Seen | None = None) -> ServedFile:
        """Put a file into the depot."""
        path = self.folder / name.replace("/", "_")
        path.write_bytes(content)
        digest = f"sha256:{'ab' * 32}"
        file = ServedFile(name, str(path), len(content), digest, proves)
        self.files = (*self.files, file)
        self.state.configure(NETWORK, self.files)
        return file

    def events(self, kind: str) -> list[BootEvent]:
        """Give what main was told, of one kind."""
        return [
            each.event for each in self.told if isinstance(each, Event) and each.event.kind == kind
        ]

    def seen(self, machine: str = "hv1") -> list[Seen]:
        """Give the kinds of evidence of a machine, in order."""
        return [
            event.seen
            for event in self.events("evidence")
            if event.machine == machine and event.seen is not None
        ]
