"""One act by IPMI: which requests a BMC gets, and what its refusals and silences mean.

The line is scripted here: `ipmi_sim` (test_ipmi.py) refuses none of these.
"""

from __future__ import annotations

from typing import Any

import pytest
from pyghmi.ipmi.private.constants import rmcp_codes

from appliance.power import ipmi_child
from appliance.power.ipmi import Failure
from appliance.power.ipmi_child import ACTS, Order, RefusedError, failure_of, failure_of_code

ON, OFF = b"\x01\x00\x00", b"\x00\x00\x00"
STATUS = (0, 1)


class Scripted:
    """A session whose answers are given: data, or a completion code other than 0."""

    def __init__(self, answers: dict[tuple[int, ...], bytes | int]) -> None:
        self.answers = answers
        self.asked: list[tuple[int, ...]] = []

    def raw_command(
        self, *, netfn: int, command: int, data: tuple[int, ...] | list[int] = ()
    ) -> dict[str, Any]:
        """Answer the longest request that the script begins with."""
        request = (netfn, command, *data)
        self.asked.append(request)
        known = [key for key in self.answers if request[: len(key)] == key]
        answer = self.answers[max(known, key=len)] if known else 0xC1
        if isinstance(answer, int):
            return {"code": answer, "data": b"", "error": "it said no"}
        return {"code": 0, "data": bytearray(answer)}


def order(act: str, *, uefi: bool = False) -> Order:
    """Give an order."""
    return Order("127.0.0.1", 623, "root", "calvin", act, uefi)


def done(act: str, line: Scripted, *, uefi: bool = False) -> Any:
    """Carry out one act on a scripted line."""
    return ACTS[act](line, order(act, uefi=uefi))


def test_an_order_does_not_show_its_password() -> None:
    """Not in a trace either."""
    assert "calvin" not in repr(order("on"))


@pytest.mark.parametrize(
    ("act", "state", "sent"),
    [
        ("on", OFF, [(0, 2, 1)]),
        ("on", ON, []),
        ("off", ON, [(0, 2, 0)]),
        ("off", OFF, []),
        ("cycle", ON, [(0, 2, 2)]),
        ("cycle", OFF, [(0, 2, 1)]),
    ],
)
def test_the_state_is_read_before_it_is_changed(
    act: str, state: bytes, sent: list[tuple[int, ...]]
) -> None:
    """So an act may be asked for twice."""
    line = Scripted({STATUS: state, (0, 2): b""})
    done(act, line)
    assert line.asked == [STATUS, *sent]


def test_a_bmc_without_power_cycle_resets() -> None:
    """Cycle is optional in IPMI (28.3); a refusal for another reason is told."""
    line = Scripted({STATUS: ON, (0, 2): b"", (0, 2, 2): 0xCC})
    done("cycle", line)
    assert line.asked[-1] == (0, 2, 3)
    with pytest.raises(RefusedError, match=r"it said no \(code 0xd4\)"):
        done("cycle", Scripted({STATUS: ON, (0, 2): 0xD4}))


@pytest.mark.parametrize(("uefi", "flags"), [(False, 0x80), (True, 0xA0)])
def test_boot_flags_for_the_network(*, uefi: bool, flags: int) -> None:
    """Valid, once, UEFI where the machine boots so; they are to outlive 60 s."""
    line = Scripted({(0, 8): b""})
    assert done("network", line, uefi=uefi) == {"boot": "the network, once"}
    assert line.asked == [(0, 8, 3, 8), (0, 8, 5, flags, 0x04, 0, 0, 0)]


def test_a_bmc_that_lets_its_flags_lapse() -> None:
    """That they outlive 60 s is optional."""
    line = Scripted({(0, 8): b"", (0, 8, 3): 0x80})
    assert done("network", line) == {"boot": "the network, once"}


def test_a_bmc_that_cannot_keep_the_disk() -> None:
    """It is set once instead, and said."""
    line = Scripted({(0, 8): b"", (0, 8, 5, 0xC0): 0xCC})
    assert done("disk", line) == {"boot": "its disk, once: the BMC cannot keep it for good"}
    assert line.asked[-1] == (0, 8, 5, 0x80, 0x08, 0, 0, 0)
    with pytest.raises(RefusedError):
        done("disk", Scripted({(0, 8): 0xD4}))


def test_what_is_refused_is_left_out_and_named() -> None:
    """A BMC that tells nothing is no error."""
    said = done("inventory", Scripted({}))
    assert set(said) == {"unsaid"}
    assert [each.partition(":")[0] for each in said["unsaid"]] == [
        "its BMC's firmware",
        "its UUID",
        "its clock",
        "its maker, model and serial number",
    ]


@pytest.mark.parametrize(
    ("octets", "clock"),
    [
        ("00000060", 0x60000000),
        ("ffffffff", None),
        ("dc940000", None),
        ("8000a05d", 0x5DA00080),  # October 2019: a clock that is wrong is still told
    ],
)
def test_its_clock(octets: str, clock: int | None) -> None:
    """One that was never set, or counts from the BMC's start, is none."""
    said = done("inventory", Scripted({(0x0A, 0x48): bytes.fromhex(octets)}))
    assert said["clock"] == clock


def test_a_short_answer_is_no_state() -> None:
    """Nothing is switched on a guess."""
    line = Scripted({STATUS: b"", (0, 2): b""})
    with pytest.raises(RefusedError, match="the chassis status is empty"):
        done("cycle", line)
    assert line.asked == [STATUS]


@pytest.mark.parametrize(
    ("text", "failure"),
    [
        ("None", Failure.SILENT),
        ("", Failure.SILENT),
        ("timeout", Failure.SILENT),
        ("Session no longer connected", Failure.SILENT),
        ("Incorrect password provided", Failure.LOGIN),
        (f"{rmcp_codes[0x0D]} in RAKP2", Failure.LOGIN),
        (f"{rmcp_codes[0x0F]} reported in RAKP4", Failure.LOGIN),
        (rmcp_codes[0x11], Failure.CIPHER),
        (rmcp_codes[0x04], Failure.CIPHER),
        ("MD5 required but not enabled/available on target BMC", Failure.CIPHER),
        (f"{rmcp_codes[0x0A]} in RAKP2", Failure.PRIVILEGE),
        (rmcp_codes[0x01], Failure.BUSY),
        ("No available login slots", Failure.BUSY),
        ("something new", Failure.REFUSED),
    ],
)
def test_what_pyghmi_says_of_a_login(text: str, failure: Failure) -> None:
    """By its own words, which the pinned version has."""
    assert failure_of(text) is failure


@pytest.mark.parametrize(
    ("code", "failure"),
    [
        (0xC0, Failure.BUSY),
        (0xC3, Failure.BUSY),
        (0xD4, Failure.PRIVILEGE),
        (0xC1, Failure.REFUSED),
    ],
)
def test_completion_codes(code: int, failure: Failure) -> None:
    """Table 5-2."""
    assert failure_of_code(code) is failure


def test_a_place_where_nobody_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the network is a silence, with its reason."""

    def unroutable(**_: object) -> None:
        raise OSError(113, "No route to host")

    monkeypatch.setattr(ipmi_child, "Command", unroutable)
    assert ipmi_child.carried_out(order("power")) == {
        "failed": Failure.SILENT,
        "text": "No route to host",
    }
