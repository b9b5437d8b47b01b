"""What the ways of switching a machine have in common. Values and one protocol; nothing is asked.

A way is found by its machine's `bmc` in the site file: Redfish (DMTF DSP0266), IPMI 2.0, a magic
packet (Wake-on-LAN), or a person who presses the button.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from appliance.site.plan import Way
from appliance.values import Mac, Secret

__all__ = [
    "BootFrom",
    "Contact",
    "Inventory",
    "InventoryDisk",
    "Power",
    "PowerControl",
    "Target",
    "Way",
]


class Power(StrEnum):
    """Whether a machine is on, as far as can be told from outside."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class BootFrom(StrEnum):
    """Where a machine is to boot from at its next start."""

    PXE = "pxe"
    UEFI_HTTP = "uefi-http"
    DISC = "disc"
    """The boot disc, which its BMC fetches and shows it in a drive."""
    DISK = "disk"


@dataclass(frozen=True, slots=True)
class Target:
    """One machine's switch. `address` is `host`, `host:port` or, for Redfish, a whole URL.

    `fingerprint` is the SHA-256 of the certificate shown at first contact, None before that.
    `system` is the Redfish system's Id or UUID where a BMC has more than one. `uefi`: whether the
    machine boots by UEFI, None where nobody knows. `disc` is the URL of the boot disc, empty where
    none is served.
    """

    machine: str
    way: Way
    address: str = ""
    user: str = ""
    password: Secret | None = None
    fingerprint: str | None = None
    system: str = ""
    macs: tuple[Mac, ...] = ()
    uefi: bool | None = None
    disc: str = ""


@dataclass(frozen=True, slots=True)
class InventoryDisk:
    """A disk as a BMC lists it; sizes in bytes, 0 where it does not say."""

    name: str
    size: int = 0
    model: str = ""
    serial: str = ""


@dataclass(frozen=True, slots=True)
class Inventory:
    """What a BMC says of its machine. Empty, 0 or None: it does not say."""

    vendor: str = ""
    model: str = ""
    serial: str = ""
    uuid: str = ""
    cpus: int = 0
    """Processor threads."""
    memory: int = 0
    """Bytes."""
    disks: tuple[InventoryDisk, ...] = ()
    macs: tuple[Mac, ...] = ()
    firmware: str = ""
    """The BMC's own firmware version."""
    clock: datetime | None = None
    """The BMC's own time."""
    unsaid: tuple[str, ...] = field(default=())
    """What it was asked and did not answer, in words."""


@dataclass(frozen=True, slots=True)
class Contact:
    """What a first, read-only look at a switch found."""

    power: Power
    fingerprint: str | None = None
    profile: str = ""
    """The quirk profile that fits, and its tier, in words: `idrac9 (reported)`."""
    boots: tuple[BootFrom, ...] = ()
    """What the next boot can be set to; empty where the machine's own order decides."""


class PowerControl(Protocol):
    """One machine's switch. Every method may take seconds and raises PowerError, never another.

    A call that returns has been accepted, no more: only `power` and what the boot services see
    tell whether anything happened.
    """

    target: Target

    def contact(self) -> Contact:
        """Look, change nothing. Raises PowerError."""
        ...

    def power(self) -> Power:
        """Ask whether the machine is on. Raises PowerError."""
        ...

    def boot_next(self, place: BootFrom) -> str:
        """Set where the next start boots from, once (DISK: lastingly, if it can).

        DISC also puts the boot disc into the drive of the BMC; another image there is left, and
        refused. Gives what was set, in words for people. Raises PowerError.
        """
        ...

    def take_out(self, disc: str) -> bool:
        """Take the image with this URL out of the BMC's drive; False: it is not in.

        No other image is ever taken out. Raises PowerError.
        """
        ...

    def on(self) -> None:
        """Switch on. A machine that is on stays as it is. Raises PowerError."""
        ...

    def off(self) -> None:
        """Switch off at once, as by holding the button. Raises PowerError."""
        ...

    def cycle(self) -> None:
        """Off and on again; a machine that is off is switched on. Raises PowerError."""
        ...

    def inventory(self) -> Inventory:
        """Ask what the machine is. What is missing is left empty. Raises PowerError."""
        ...
