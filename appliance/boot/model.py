"""The values that boot services are handed, and the events they give.

The flow hands over finished documents; boot decides who gets which, when, and how often.
Everything here travels as JSON over the control channel between main and boot.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network
from typing import Protocol

from appliance.machines.state import Seen
from appliance.values import Mac, Secret

TOKEN_MARK = "@BOOT-TOKEN@"
"""Stands in documents where the boot token is put when the script is served."""

CARD_MARK = "${netX/mac:hexhyp}"
"""Stands in a kernel line for the card that booted: iPXE fills it in itself, boot for a kexec."""

_NOTHING = Secret("")

STAGE1_UKI = "stage1-amd64.efi"
STAGE1_KERNEL = "stage1-amd64.vmlinuz"
STAGE1_INITRD = "stage1-amd64.initrd"
"""The depot's names of our small Linux: as one UEFI program, and as kernel and initrd."""


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks: Unix time is for people, `monotonic` is what terms run on."""

    unix: float
    monotonic: float


@dataclass(frozen=True, slots=True)
class BootNetwork:
    """The provisioning network as the services need it. `proxy`: beside a site's own DHCP.

    `console` are the consoles on which stage-1 shows itself, as the kernel names them.
    """

    interface: str
    cidr: IPv4Network
    bridge: IPv4Address
    gateway: IPv4Address
    dns: tuple[IPv4Address, ...]
    ntp: tuple[IPv4Address, ...]
    pool_first: IPv4Address
    pool_last: IPv4Address
    zone: str
    hosts: tuple[tuple[str, IPv4Address], ...]
    mtu: int = 1500
    proxy: bool = False
    tftp_single_port: bool = False
    console: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Documents:
    """One machine's finished documents, with TOKEN_MARK where the boot token goes.

    `script` is the iPXE script that installs; `config` is served at
    `/c/<token>/<config_name>`. Both may hold secrets. `kernel` and `initrd` are names in the
    depot, and `arguments` is the kernel line of the script, for a machine whose stage-1 starts
    them itself; without them it installs by iPXE.
    """

    script: Secret
    config: Secret
    config_name: str = "config.yaml"
    kernel: str = ""
    initrd: str = ""
    arguments: Secret = _NOTHING


@dataclass(frozen=True, slots=True)
class BootMachine:
    """One machine of the site file as boot knows it.

    `documents` is None for a machine that is not armed, and `hold` then says why.
    `installed` is what main has proven; it stands above all that boot remembers.
    `bios_refusal`, if not empty, is shown to the machine when its firmware is BIOS.
    `waits_for`, if not empty, is what must happen before it may install. `discover`, if not empty,
    is why the machine must show itself by stage-1 first. `bmc_address` is kept for the BMC with
    the card `bmc_mac`.
    """

    name: str
    hostname: str
    macs: tuple[Mac, ...]
    address: IPv4Address
    own_disk: str = "exit"
    ipxe: str = "snponly.efi"
    installed: bool = False
    hold: str = ""
    waits_for: str = ""
    bios_refusal: str = ""
    documents: Documents | None = None
    discover: str = ""
    bmc_mac: Mac | None = None
    bmc_address: IPv4Address | None = None


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A verified file that the servers may open, and what its transfer proves."""

    name: str
    path: str
    size: int
    digest: str
    proves: Seen | None = None


@dataclass(frozen=True, slots=True)
class BootEvent:
    """Something boot saw or decided, at a Unix time, in words for people.

    `kind` is `dhcp`, `bmc`, `tftp`, `http`, `hook`, `dns`, `ntp`, `syslog`, `decision`,
    `finding` or `evidence`; with `evidence`, `seen` says which. `mark` names the event for ever, in
    every boot.db there will be; it is empty for what is told once and not again.
    """

    at: float
    kind: str
    text: str
    mac: Mac | None = None
    machine: str | None = None
    seen: Seen | None = None
    data: tuple[tuple[str, str], ...] = ()
    mark: str = ""


class OrderKind(StrEnum):
    """What an operator may order of a machine that runs stage-1."""

    OWN_DISK = "own-disk"
    POWER_OFF = "poweroff"
    REBOOT = "reboot"
    BLINK = "blink"


class Known(Protocol):
    """A machine that is known by name."""

    @property
    def name(self) -> str:
        """Its name."""


class Witness(Protocol):
    """Takes what the name and time services say: boot keeps and judges it, others may log it."""

    def say(
        self,
        kind: str,
        text: str,
        *,
        machine: str | None = None,
        data: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Note something in words for people; `kind` as in BootEvent."""

    def owner_of(self, address: IPv4Address) -> Known | None:
        """Give the machine that uses an address, if it is known."""
