"""Every error an operator can meet, in one tree.

BridgeheadError
├── InputError          what the operator wrote is wrong; nothing was touched     exit 2
│   └── SiteFileError   problems in site.yaml, all of them, each with its place
├── PreflightError      this laptop or this network is not ready; nothing touched exit 3
│   ├── PortInUseError  another program holds a port the boot services need
│   ├── RivalDhcpError  another DHCP server answers on the provisioning interface
│   ├── BusyError       another run holds this site
│   └── StaleError      a page was made from what has changed meanwhile
├── ArtifactError       a file is missing, damaged or of another version          exit 3
├── StepError           a step of the flow failed; run again to continue          exit 4
│   ├── DeadlineError   something expected did not come in time
│   ├── StoreFullError  the laptop's disk is full
│   └── PowerError      a machine's BMC did not do what it was asked
│       ├── BmcLoginError        wrong user or password
│       ├── BmcUnreachableError  nothing answers at its address
│       └── BmcCertificateError  it shows another certificate than at first contact
├── LabNetworkError     the rehearsal's network could not be made                 exit 4
├── MachineError        a machine of the lab did not start, or does not answer    exit 4
├── AccessError         who asks the wizard may not: not signed in, or forged      exit 3
│   └── TooManyAttemptsError  too many wrong passwords: wait
├── WireError           a packet or request from outside that cannot be parsed
└── StopRequestedError  the operator asked to stop                                exit 130

Each has a code (`docs/errors.md` names them all), the place, the reason and the next action.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from appliance import advice


class BridgeheadError(Exception):
    """What went wrong, where, why, and what to do next.

    Where there are several reasons, `reasons` holds each and `why` all in one line. A reason may be
    given as the exception that told it: an OSError is said without its number and its path.
    """

    code: ClassVar[str] = "BH000"
    exit_code: ClassVar[int] = 4

    def __init__(
        self,
        what: str,
        *,
        where: str = "",
        why: str | Sequence[str] | Exception = "",
        fix: str = "",
    ) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        why = _in_words(why) if isinstance(why, Exception) else why
        self.reasons = (why,) if isinstance(why, str) else tuple(why)
        self.why = "; ".join(self.reasons)
        self.fix = fix

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        why = f" ({self.why})" if self.why else ""
        fix = f" → {self.fix}" if self.fix else ""
        return f"{place}{self.what}{why}{fix}"

    def as_dict(self) -> dict[str, str]:
        """Give the parts for `--json`, events and the wizard."""
        return {
            "code": self.code,
            "what": self.what,
            "where": self.where,
            "why": self.why,
            "fix": self.fix,
        }


def _in_words(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "it is no text"
    return (isinstance(error, OSError) and error.strerror) or str(error)


class InputError(BridgeheadError):
    """What the operator wrote is wrong. Nothing was touched."""

    code = "BH100"
    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem in a site file. Lines and columns count from 1; 0 means the whole file."""

    file: str
    line: int
    column: int
    key: str
    what: str
    fix: str

    def __str__(self) -> str:
        key = f"{self.key}: " if self.key else ""
        fix = f" → {self.fix}" if self.fix else ""
        return f"{self.file}:{self.line}:{self.column}: {key}{self.what}{fix}"


class SiteFileError(InputError):
    """The problems of a site file, all found in one pass."""

    code = "BH101"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        count = f"{len(problems)} problem{'s' if len(problems) != 1 else ''}"
        super().__init__(
            f"{count} in the site file",
            where=problems[0].file if problems else "",
            why=[f"{each.line}:{each.column} {each.key} {each.what}" for each in problems],
            fix=advice.check_site(),
        )
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


class PreflightError(BridgeheadError):
    """This laptop or this network is not ready. Nothing was touched."""

    code = "BH200"
    exit_code = 3


class PortInUseError(PreflightError):
    """Another program holds a port that the boot services need."""

    code = "BH201"


class RivalDhcpError(PreflightError):
    """Another DHCP server answers on the provisioning interface."""

    code = "BH202"


class BusyError(PreflightError):
    """Another run holds this site."""

    code = "BH203"


class StaleError(PreflightError):
    """A page was made from a site file, or a plan, that has changed meanwhile."""

    code = "BH204"


class ArtifactError(BridgeheadError):
    """A file is missing, damaged or of another version."""

    code = "BH300"
    exit_code = 3


class StepError(BridgeheadError):
    """A step of the flow failed. Running again continues."""

    code = "BH400"
    exit_code = 4


class DeadlineError(StepError):
    """Something expected did not come in time."""

    code = "BH401"


class StoreFullError(StepError):
    """The laptop's disk is full: what should be kept cannot be."""

    code = "BH402"


class PowerError(StepError):
    """A machine's BMC (the small computer that switches it) did not do what it was asked."""

    code = "BH410"


class BmcLoginError(PowerError):
    """A BMC refuses the user or the password."""

    code = "BH411"


class BmcUnreachableError(PowerError):
    """Nothing answers at a BMC's address, or the answer breaks off again and again."""

    code = "BH412"


class BmcCertificateError(PowerError):
    """A BMC shows another certificate than at first contact. No password was sent."""

    code = "BH413"


class AccessError(BridgeheadError):
    """The wizard refuses who asks: not signed in, a wrong password, a forged request."""

    code = "BH700"
    exit_code = 3


class TooManyAttemptsError(AccessError):
    """A password or code was tried too often from there: `seconds` until it may be tried again."""

    code = "BH701"

    def __init__(self, seconds: int) -> None:
        super().__init__(
            "too many attempts from here",
            fix=f"wait {seconds} second{'' if seconds == 1 else 's'}, then try again",
        )
        self.seconds = seconds


class WireError(BridgeheadError):
    """A packet or request from outside that cannot be parsed: the other side is wrong."""

    code = "BH500"


class LabNetworkError(BridgeheadError):
    """The rehearsal's network could not be made."""

    code = "BH600"


class MachineError(BridgeheadError):
    """A machine of the lab did not start, or does not answer."""

    code = "BH610"


class StopRequestedError(BridgeheadError):
    """The operator asked to stop. Running again continues."""

    code = "BH900"
    exit_code = 130
