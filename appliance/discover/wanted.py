"""What the site wants of a machine, what reported itself, and what speaks against a machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from appliance.discover.report import Report
from appliance.site.plan import DiskPlan, Expect, HypervisorPlan, MachinePlan, MatchRule
from appliance.values import Mac


@dataclass(frozen=True, slots=True)
class Wanted:
    """One machine of the site: what tells it, where it is to be installed, what was ordered.

    `said` is what the site file tells it by, of one that is told by its card since it was found:
    another that is so too is a rival, and neither is installed. `erase`: data on `disk` and
    `data_disk` may go. `wipe_disks` and `wipe_all_disks` are further disks that the site gives up.
    `installer`: octets that its memory holds while the installer starts; 0 where unknown.
    """

    name: str
    match: MatchRule
    disk: DiskPlan | None = None
    expect: Expect | None = None
    erase: bool = False
    data_disk: str | None = None
    wipe_disks: tuple[str, ...] = ()
    wipe_all_disks: bool = False
    accept_small_hardware: bool = False
    said: MatchRule | None = None
    installer: int = 0

    @classmethod
    def of(cls, machine: MachinePlan, hypervisor: HypervisorPlan) -> Self:
        """Take a machine of the Plan. One that was found already is told by its card from then on.

        So nobody who claims its serial number later becomes it.
        """
        found_by_report = bool(machine.macs) and not machine.match.macs
        return cls(
            name=machine.name,
            match=MatchRule(macs=machine.macs) if found_by_report else machine.match,
            disk=machine.disk,
            expect=machine.expect,
            erase=machine.erase,
            data_disk=machine.data_disk,
            wipe_disks=machine.wipe_disks,
            wipe_all_disks=machine.wipe_all_disks,
            accept_small_hardware=hypervisor.accept_small_hardware,
            said=machine.match if found_by_report and machine.match else None,
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A report, the card whose address it came from, and when (Unix seconds by our clock; 0: ?)."""

    mac: Mac
    report: Report
    at: float = 0.0


class Code(StrEnum):
    """Why a machine is not installed, or what people should know of it."""

    ODD_REPORT = "odd-report"
    TWO_REPORTS = "two-reports"
    TWO_MACHINES = "two-machines"
    CONTRADICTION = "contradiction"
    DUPLICATE = "duplicate"
    NO_DISK = "no-disk"
    DISK_ABSENT = "disk-absent"
    NO_MATCH = "no-match"
    SEVERAL_DISKS = "several-disks"
    UNSTABLE = "unstable-disk"
    READ_ONLY = "read-only"
    HUNG = "hung"
    MEMBER = "member"
    DATA = "data"
    SMALL = "small"
    NO_ROOM = "no-room"
    FAILED = "failed"
    NOT_AS_ORDERED = "not-as-ordered"
    MORE = "more-than-ordered"
    IDENTICAL_DISKS = "identical-disks"
    NO_LINK = "no-link"
    CLOCK = "clock"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What speaks against a machine, in words, and what to do. Told without a fix, it only tells.

    Of all, `data` alone is for people to overrule.
    """

    code: Code
    what: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.what} → {self.fix}" if self.fix else self.what
