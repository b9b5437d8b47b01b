"""What went wrong between us and a BMC, judged once and told in one sentence."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from enum import Enum, auto

from sushy import exceptions

from appliance import advice
from appliance.errors import (
    BmcCertificateError,
    BmcLoginError,
    BmcUnreachableError,
    PowerError,
)
from appliance.power.model import Target
from appliance.power.retry import BUSY
from appliance.tools.redact import Redactor
from appliance.values import Secret

_WORDS = 200


class Fault(Enum):
    """Kinds of failure, by what may help."""

    LOGIN = auto()
    FORBIDDEN = auto()
    CERTIFICATE = auto()
    UNREACHABLE = auto()
    BUSY = auto()
    NONSENSE = auto()
    MISSING = auto()
    REFUSED = auto()


PASSING = frozenset({Fault.UNREACHABLE, Fault.BUSY, Fault.NONSENSE})
"""What another try may cure. Nonsense too: a web server that starts answers 200 and half a page."""


def fault_of(error: Exception) -> Fault:
    """Judge a failure by what was raised."""
    if isinstance(error, PowerError):
        return Fault.REFUSED  # judged and told already
    if isinstance(error, exceptions.HTTPError):
        return _http_fault(error)
    chain = tuple(_chain(error))
    if any("Fingerprints did not match" in str(each) for each in chain):
        return Fault.CERTIFICATE  # urllib3's own words; it has no class for it
    if isinstance(error, exceptions.ConnectionError) or any(
        isinstance(each, OSError | http.client.HTTPException) for each in chain
    ):
        return Fault.UNREACHABLE
    if isinstance(error, exceptions.InvalidParameterValueError | exceptions.MissingActionError):
        return Fault.REFUSED
    return Fault.NONSENSE


def may_pass(error: Exception) -> bool:
    """Whether another try may help."""
    return fault_of(error) in PASSING


def refused_for_now(error: Exception) -> bool:
    """Whether a power command may be taken in a moment: the machine is on its way to a state.

    409 is what DSP0266 8.6 has for it; iLO says 400 InvalidOperationForSystemState, iDRAC 400
    SYS518 (both known to sushy's connector).
    """
    if not isinstance(error, exceptions.HTTPError) or error.status_code not in {400, 409}:
        return False
    said = f"{error.code} {error.body}"
    return error.status_code == 409 or "InvalidOperationForSystemState" in said or "SYS518" in said


def told(error: Exception, target: Target, doing: str) -> PowerError:
    """Tell a failure: what, where, why, what to do. `doing` is what was asked, as `read its power`.

    A password is never part of an address, but some BMCs repeat what they refuse: it is blanked.
    """
    if isinstance(error, PowerError):
        return error
    where = place_of(target)
    why = words_of(error, target.password)
    name = target.machine
    match fault_of(error):
        case Fault.LOGIN:
            return BmcLoginError(
                f"the BMC refuses the user {target.user!r} or the password",
                where=where,
                why=why,
                fix=f"{advice.power_password(name)}, and 'user' in the machine's 'bmc'; "
                "it is not tried again by itself, since BMCs lock users",
            )
        case Fault.FORBIDDEN:
            return PowerError(
                f"the BMC's user {target.user!r} may not {doing}",
                where=where,
                why=why,
                fix="give that user the BMC's role Operator or Administrator",
            )
        case Fault.CERTIFICATE:
            return certificate_changed(target, why)
        case Fault.UNREACHABLE:
            return BmcUnreachableError(
                f"the BMC cannot be reached to {doing}",
                where=where,
                why=why,
                fix="look at its cable, address and power; the machine can be switched by hand",
            )
        case Fault.BUSY:
            return PowerError(
                f"the BMC was too busy to {doing}, each time it was asked",
                where=where,
                why=why,
                fix="wait until it has started, or restart the BMC itself; the machine can be "
                "switched by hand",
            )
        case Fault.MISSING:
            return PowerError(
                f"the BMC has nothing to {doing}",
                where=where,
                why=why,
                fix="look whether 'address', 'type' and 'system' of the machine's 'bmc' are right",
            )
        case Fault.REFUSED:
            return PowerError(
                f"the BMC refused to {doing}",
                where=where,
                why=why,
                fix="look at the BMC's own log, or switch the machine by hand",
            )
        case Fault.NONSENSE:
            return PowerError(
                f"the BMC's answer makes no sense when asked to {doing}",
                where=where,
                why=why,
                fix=f"restart the BMC itself{advice.or_see_probe(name)}",
            )


def certificate_changed(target: Target, why: str) -> BmcCertificateError:
    """Tell that another certificate is shown than the one it is known by."""
    return BmcCertificateError(
        "the BMC shows another certificate than at first contact; the password was not sent",
        where=place_of(target),
        why=why,
        fix="if the BMC was reset, updated or exchanged, "
        f"{advice.password_again(target.machine)}: that forgets the old certificate; if not, find "
        "out what answers in its place",
    )


def place_of(target: Target) -> str:
    """Name the machine and its switch."""
    return f"{target.machine}, BMC {target.address}"


def words_of(error: Exception, password: Secret | None = None) -> str:
    """Give a BMC's own words, or those of the connection, on one line and not too many.

    Without the password, should it be among them.
    """
    said = ""
    if isinstance(error, exceptions.HTTPError):
        said = f"HTTP {error.status_code}"
        detail = error.detail if isinstance(error.detail, str) else ""
        said = f"{said}, {detail}" if detail else said
    else:
        inner = [each for each in _chain(error) if isinstance(each, OSError) and each.strerror]
        said = (inner[-1].strerror or "") if inner else str(error)
    if password is not None:
        said = Redactor((password,)).text(said)
    printable = "".join(each if each.isprintable() else " " for each in said)
    return " ".join(printable.split())[:_WORDS]


def _http_fault(error: exceptions.HTTPError) -> Fault:
    # HPE iLO answers a wrong password with 400 and this message; 401 is what DSP0266 13.3 says.
    if error.status_code == 401 or "UnauthorizedLogin" in f"{error.code} {error.body}":
        return Fault.LOGIN
    if error.status_code == 403:
        return Fault.FORBIDDEN
    if error.status_code == 404:
        return Fault.MISSING
    return Fault.BUSY if error.status_code in BUSY else Fault.REFUSED


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Give an error and what caused it, each once; urllib3 hides causes in arguments too."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        inner = (each.__cause__, each.__context__, getattr(each, "reason", None), *each.args)
        waiting += [one for one in inner if isinstance(one, BaseException)]
