"""Machines switched by IPMI 2.0, each act in a short process of its own with a time limit.

IPMI is old and weak: a BMC gives anybody a hash of a user's password to guess at (CVE-2013-4786).
It is for machines whose BMC speaks no Redfish, and its password should be used for nothing else.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from appliance import advice
from appliance.errors import BmcLoginError, BmcUnreachableError, PowerError, StepError
from appliance.power.model import BootFrom, Contact, Inventory, Power, Target
from appliance.power.redfish_documents import text
from appliance.power.retry import Schedule, again
from appliance.tools.process import run

PORT = 623
SECONDS = 45.0
"""A limit for one act. pyghmi gives up a BMC that is silent at login after 5 s (measured)."""
SCHEDULE = Schedule((2.0, 5.0))
LONGEST_PASSWORD = 20
"""Octets (IPMI 2.0, 22.30)."""


class Failure(StrEnum):
    """Why an act did not come about."""

    LOGIN = "login"
    PRIVILEGE = "privilege"
    CIPHER = "cipher"
    BUSY = "busy"
    SILENT = "silent"
    REFUSED = "refused"


class FailedError(Exception):
    """An act did not come about. It does not leave this module."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure
        self.text = text


class IpmiControl:
    """One machine's switch behind its BMC's IPMI.

    Every act reads the state before it switches, so a BMC that is busy is asked again. One that
    says nothing is not, and neither is one that refuses a password: it would lock the user.
    """

    def __init__(
        self,
        target: Target,
        *,
        schedule: Schedule = SCHEDULE,
        sleep: Callable[[float], None] = time.sleep,
        seconds: float = SECONDS,
    ) -> None:
        self.target = target
        self._schedule = schedule
        self._sleep = sleep
        self._seconds = seconds

    def contact(self) -> Contact:
        """Look, change nothing. Raises PowerError."""
        said = self._said("contact")
        profile = f"IPMI 2.0, BMC firmware {said.get('firmware') or 'not said'}"
        boots = (BootFrom.PXE, BootFrom.DISK)
        return Contact(Power(str(said["power"])), profile=profile, boots=boots)

    def power(self) -> Power:
        """Ask whether the machine is on. Raises PowerError."""
        return Power(str(self._said("power")["power"]))

    def boot_next(self, place: BootFrom) -> str:
        """Set where the next start boots from; DISK for good. Raises PowerError.

        IPMI knows only "the network": the firmware's own order decides between PXE and HTTP.
        """
        if place is BootFrom.DISK:
            return str(self._said("disk")["boot"])
        kind = ", as UEFI" if self.target.uefi else ""
        choice = "; PXE or HTTP is the firmware's choice" if place is BootFrom.UEFI_HTTP else ""
        return f"{self._said('network')['boot']}{kind}{choice}"

    def take_out(self, disc: str) -> bool:
        """IPMI knows no drive of a BMC's own that takes an image by its URL."""
        del disc
        return False

    def on(self) -> None:
        """Switch on. Raises PowerError."""
        self._said("on")

    def off(self) -> None:
        """Switch off at once. Raises PowerError."""
        self._said("off")

    def cycle(self) -> None:
        """Off and on again; a machine that is off is switched on. Raises PowerError."""
        self._said("cycle")

    def inventory(self) -> Inventory:
        """Ask what the machine is; IPMI tells no processors, memory or disks. Raises PowerError."""
        said = self._said("inventory")
        clock = said.get("clock")
        return Inventory(
            vendor=text(said, "vendor"),
            model=text(said, "model"),
            serial=text(said, "serial"),
            uuid=_uuid(str(said.get("guid", ""))),
            firmware=str(said.get("firmware", "")),
            clock=datetime.fromtimestamp(clock, UTC) if isinstance(clock, int) else None,
            unsaid=tuple(str(each) for each in said.get("unsaid", ())),
        )

    def _said(self, act: str) -> Mapping[str, Any]:
        try:
            return again(
                lambda: self._once(act),
                passing=lambda error: (
                    isinstance(error, FailedError) and error.failure is Failure.BUSY
                ),
                schedule=self._schedule,
                sleep=self._sleep,
            )
        except FailedError as error:
            raise self._told(error) from error

    def _once(self, act: str) -> Mapping[str, Any]:
        """Have the child do one act, with the password on its standard input."""
        password = self.target.password.reveal() if self.target.password else ""
        if len(password.encode()) > LONGEST_PASSWORD:
            text = f"IPMI passwords have at most {LONGEST_PASSWORD} octets, this one has more"
            raise FailedError(Failure.LOGIN, text)
        host, _, port = self.target.address.partition(":")
        order = {
            "host": host,
            "port": int(port or PORT),
            "user": self.target.user,
            "password": password,
            "act": act,
            "uefi": self.target.uefi is True,
        }
        argv = (sys.executable, "-P", "-m", "appliance.power.ipmi_child")
        try:
            done = run(argv, seconds=self._seconds, text_in=json.dumps(order))
        except StepError as error:
            raise FailedError(Failure.SILENT, f"no end within {self._seconds:g} s") from error
        return answer_in(done.out)

    def _told(self, error: FailedError) -> PowerError:
        machine, user = self.target.machine, self.target.user
        where = f"{machine}, BMC {self.target.address}"
        match error.failure:
            case Failure.LOGIN:
                return BmcLoginError(
                    f"the BMC refuses the user {user!r} or the password",
                    where=where,
                    why=error.text,
                    fix=f"{advice.power_password(machine)}, and 'user' in the machine's "
                    "'bmc'; it is not tried again by itself, since BMCs lock users",
                )
            case Failure.SILENT:
                return BmcUnreachableError(
                    "the BMC does not answer by IPMI",
                    where=where,
                    why=error.text,
                    fix="look at its cable and address, and whether it has IPMI over LAN switched "
                    "on; the machine can be switched by hand",
                )
        fixes = {
            Failure.PRIVILEGE: f"give the user {user!r} the BMC's role Operator or Administrator",
            Failure.CIPHER: "switch on cipher suite 17 or 3 in the BMC's own pages, or use Redfish",
            Failure.BUSY: "wait until its other sessions end, and run again",
        }
        fix = fixes.get(error.failure, "look into the BMC's own pages, or switch it by hand")
        return PowerError(
            "the BMC did not do what it was asked", where=where, why=error.text, fix=fix
        )


def answer_in(out: str) -> Mapping[str, Any]:
    """Read what the child wrote last. Raises FailedError with what it failed by."""
    try:
        said = json.loads(out.strip().splitlines()[-1])
        if "answer" in said:
            return dict(said["answer"])
        failure, text = Failure(said["failed"]), str(said["text"])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise FailedError(Failure.REFUSED, "the IPMI adapter ended without an answer") from error
    raise FailedError(failure, text)


def _uuid(guid: str) -> str:
    """Write a GUID as SMBIOS does: its first three fields are sent lowest octet first.

    So pyghmi reads it; ipmitool knows BMCs that send it otherwise (`mc guid` and its kinds).
    """
    try:
        return str(UUID(bytes_le=bytes.fromhex(guid)))
    except ValueError:
        return ""
