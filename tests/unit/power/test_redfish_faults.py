"""Failures judged once, and told in one sentence."""

from __future__ import annotations

import http.client
from typing import Any

import pytest
from sushy import exceptions

from appliance.errors import (
    BmcCertificateError,
    BmcLoginError,
    BmcUnreachableError,
    PowerError,
)
from appliance.power.model import Target, Way
from appliance.power.redfish_faults import (
    PASSING,
    Fault,
    fault_of,
    may_pass,
    place_of,
    refused_for_now,
    told,
    words_of,
)

TARGET = Target("hv1", Way.REDFISH, "https://192.0.2.7", "root")


class Answer:
    """An answer as requests gives it."""

    def __init__(self, status: int, body: Any) -> None:
        self.status_code = status
        self._body = body

    def json(self) -> Any:
        """Give the body."""
        if isinstance(self._body, Exception):
            raise self._body
        return self._body


def answered(status: int, body: Any = None) -> exceptions.HTTPError:
    """Give the error that sushy makes of an answer."""
    with pytest.raises(exceptions.HTTPError) as caught:
        exceptions.raise_for_response("GET", "https://x/y", Answer(status, body or {}))
    return caught.value


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.REFUSED),
        (401, Fault.LOGIN),
        (403, Fault.FORBIDDEN),
        (404, Fault.MISSING),
        (409, Fault.REFUSED),
        (412, Fault.REFUSED),
        (429, Fault.BUSY),
        (500, Fault.BUSY),
        (501, Fault.REFUSED),
        (503, Fault.BUSY),
    ],
)
def test_each_status_is_judged(status: int, fault: Fault) -> None:
    """By what may help."""
    error = answered(status)

    assert fault_of(error) is fault
    assert may_pass(error) is (fault in PASSING)


def test_a_wrong_password_that_comes_as_400() -> None:
    """As iLO has it."""
    body = {"error": {"code": "iLO.0.10.UnauthorizedLoginAttempt", "message": "no"}}

    assert fault_of(answered(400, body)) is Fault.LOGIN


def test_what_is_refused_only_for_now() -> None:
    """A machine on its way from one state to another."""
    ilo = {
        "error": {"code": "iLO.0.10.ExtendedInfo", "x": "iLO.2.24.InvalidOperationForSystemState"}
    }

    assert refused_for_now(answered(409))
    assert refused_for_now(answered(400, ilo))
    assert not refused_for_now(answered(400))
    assert not refused_for_now(answered(403, ilo))
    assert not refused_for_now(ValueError())


@pytest.mark.parametrize(
    ("error", "fault"),
    [
        (TimeoutError("late"), Fault.UNREACHABLE),
        (ConnectionRefusedError(111, "refused"), Fault.UNREACHABLE),
        (http.client.IncompleteRead(b""), Fault.UNREACHABLE),
        (exceptions.ConnectionError(url="u", error="e"), Fault.UNREACHABLE),
        (ValueError("no JSON"), Fault.NONSENSE),
        (AttributeError("x"), Fault.NONSENSE),
        (exceptions.MissingAttributeError(attribute="a", resource="r"), Fault.NONSENSE),
        (exceptions.MissingActionError(action="a", resource="r"), Fault.REFUSED),
        (RuntimeError(RuntimeError("Fingerprints did not match. x")), Fault.CERTIFICATE),
        (PowerError("told"), Fault.REFUSED),
    ],
    ids=lambda each: type(each).__name__ if isinstance(each, Exception) else each.name,
)
def test_each_failure_of_the_line_is_judged(error: Exception, fault: Fault) -> None:
    """Also where it hides in what another one carries."""
    assert fault_of(error) is fault


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (answered(401), BmcLoginError),
        (answered(403), PowerError),
        (answered(404), PowerError),
        (answered(409), PowerError),
        (answered(503), PowerError),
        (TimeoutError("late"), BmcUnreachableError),
        (RuntimeError("Fingerprints did not match"), BmcCertificateError),
        (ValueError("no JSON"), PowerError),
    ],
)
def test_each_is_told_with_place_reason_and_fix(error: Exception, kind: type[PowerError]) -> None:
    """One sentence each, in one line."""
    said = told(error, TARGET, "read its power state")

    assert type(said) is kind
    assert said.where == place_of(TARGET) == "hv1, BMC https://192.0.2.7"
    assert said.why
    assert said.fix
    assert "\n" not in str(said)


def test_what_is_told_already_stays() -> None:
    """A PowerError is passed on as it is."""
    error = PowerError("the BMC has no system")

    assert told(error, TARGET, "x") is error


def test_a_bmcs_own_words_are_bounded_and_printable() -> None:
    """They reach a terminal and the journal."""
    hostile = {"error": {"code": "x", "message": "\x1b[2J" + "a" * 9999}}

    words = words_of(answered(500, hostile))
    assert words.startswith("HTTP 500, [2J")
    assert len(words) == 200
    assert words_of(ConnectionRefusedError(111, "Connection refused")) == "Connection refused"
    assert words_of(answered(500, ValueError())) == "HTTP 500"
