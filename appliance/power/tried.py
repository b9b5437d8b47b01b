"""What was asked of one machine's switch in a run, and what came of it. Pure.

`power.decide` goes by it. A call that was accepted is only that: a later reading tells whether it
was obeyed, and one that broke off may have been.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from appliance.errors import (
    BmcCertificateError,
    BmcLoginError,
    BmcUnreachableError,
    PowerError,
)
from appliance.power.model import Contact, Power

_NEVER = float("-inf")


class Act(StrEnum):
    """What is asked of a switch. ASK asks a person, WAIT nobody."""

    CONTACT = "contact"
    INVENTORY = "inventory"
    READ = "read"
    BOOT_NETWORK = "boot-network"
    BOOT_DISC = "boot-disc"
    EJECT = "eject"
    BOOT_DISK = "boot-disk"
    ON = "on"
    CYCLE = "cycle"
    ASK = "ask"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, and how often. Seconds.

    `appear`: from switching on to the first DHCP request. `obey`: from an accepted command to the
    power that it asked for. `settle`: a machine found on is left alone so long, since somebody may
    have switched it on just now. `pauses`: before a failed call is tried again.
    """

    appear: float = 900.0
    obey: float = 60.0
    settle: float = 45.0
    soon: float = 5.0
    seldom: float = 60.0
    tries: int = 3
    failures: int = 3
    pauses: tuple[float, ...] = (5.0, 15.0, 30.0, 60.0, 120.0, 300.0)


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Tried:
    """What was asked of one switch in this run, and what came of it.

    `unsure`: a command broke off, and nobody knows whether it was obeyed. `barred`: asking again
    would be refused again, or lock the user out. `asked`: for what a person was asked.
    `ours`: it was seen off, or switched off from here, so nothing runs in it that ran before.
    `disc_in`: the boot disc may be in the BMC's drive. `by_disc`: the last start, or the next, is
    from it. `disc_refused`: the BMC did not take it. `disc_stuck`: nor give it back.
    """

    contact: Contact | None = None
    inventoried: bool = False
    power: Power = Power.UNKNOWN
    read_at: float = _NEVER
    off_since: float | None = None
    boot_set: bool = False
    boot_failures: int = 0
    disk_set: bool = False
    switched_at: float | None = None
    tries: int = 0
    failures: int = 0
    error: str = ""
    unsure: bool = False
    barred: bool = False
    not_before: float = _NEVER
    asked: str = ""
    ours: bool = False
    disc_in: bool = False
    by_disc: bool = False
    disc_refused: bool = False
    disc_stuck: bool = False


def took_contact(tried: Tried, contact: Contact, now: float) -> Tried:
    """Take a first look."""
    return replace(took_power(tried, contact.power, now), contact=contact)


def took_power(tried: Tried, power: Power, now: float) -> Tried:
    """Take a reading of the power; after a command that broke off it tells what came of it."""
    obeyed = tried.unsure and power is not Power.OFF
    since = (
        (tried.off_since if tried.off_since is not None else now) if power is Power.OFF else None
    )
    return replace(
        tried,
        power=power,
        read_at=now,
        off_since=since,
        unsure=False,
        boot_set=tried.boot_set and not obeyed,
        switched_at=now if obeyed else tried.switched_at,
        tries=tried.tries + obeyed,
        failures=0,
        error="",
        asked="" if tried.failures else tried.asked,
        ours=tried.ours or power is Power.OFF,
    )


def took_act(tried: Tried, act: Act, words: str, now: float) -> Tried:
    """Take that something was accepted; or for ASK, that a person was asked with these words."""
    if act is Act.ASK:
        return replace(tried, asked=words)
    fine = replace(tried, failures=0, error="")
    if act is Act.BOOT_NETWORK:
        return replace(fine, boot_set=True, boot_failures=0, disk_set=False, by_disc=False)
    if act is Act.BOOT_DISC:
        return replace(fine, boot_set=True, disk_set=False, disc_in=True, by_disc=True)
    if act is Act.EJECT:
        return replace(fine, disc_in=False)
    if act is Act.BOOT_DISK:
        return replace(fine, disk_set=True, boot_failures=0)
    if act is Act.INVENTORY:
        return replace(fine, inventoried=True)
    # The reading that follows is what counts; `read_at` stays, so that it comes at once.
    return replace(
        fine,
        switched_at=now,
        tries=tried.tries + 1,
        boot_set=False,
        by_disc=tried.by_disc and tried.boot_set,
        off_since=None,
        read_at=_NEVER,
        ours=tried.ours or act is Act.CYCLE,
    )


def took_failure(
    tried: Tried, act: Act, error: PowerError, now: float, limits: Limits = LIMITS
) -> Tried:
    """Take that a call failed."""
    failures = tried.failures + 1
    pause = limits.pauses[min(failures, len(limits.pauses)) - 1]
    failed = replace(tried, error=str(error), not_before=now + pause)
    if isinstance(error, BmcLoginError | BmcCertificateError):
        return replace(failed, failures=failures, barred=True)
    refused = not isinstance(error, BmcUnreachableError)
    if act is Act.BOOT_DISC:  # it may have come as far as the drive
        failed = replace(failed, disc_in=True, disc_refused=refused)
        return failed if refused else replace(failed, failures=failures)
    if refused and act is Act.EJECT:
        return replace(failed, disc_stuck=True)
    if refused and act is Act.INVENTORY:
        return replace(failed, inventoried=True)
    if refused and act in (Act.BOOT_NETWORK, Act.BOOT_DISK):
        return replace(failed, boot_failures=tried.boot_failures + 1)
    switched = act in (Act.ON, Act.CYCLE)
    return replace(failed, failures=failures, unsure=tried.unsure or switched)
