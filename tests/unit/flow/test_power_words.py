"""What came of a question to a switch, as people read it."""

from __future__ import annotations

import pytest

from appliance.errors import BmcLoginError, BmcUnreachableError, PowerError
from appliance.flow.power_words import done, failed, not_understood
from appliance.power.decide import Next
from appliance.power.tried import Act, Tried, took_failure
from tests.plans import machine


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (Act.BOOT_NETWORK, "hv1 is off: its next start is set: so it is"),
        (Act.BOOT_DISC, "hv1 is off: its next start is set: so it is"),
        (Act.BOOT_DISK, "hv1 is off: its disk is its boot device: so it is"),
        (Act.EJECT, "hv1 is off: so it is"),
        (Act.ON, "hv1 is switched on: hv1 is off"),
        (Act.CYCLE, "hv1 is switched off and on: hv1 is off"),
    ],
)
def test_what_was_done_is_said_with_its_reason(act: Act, words: str) -> None:
    """Why it was asked, and what the switch says of it."""
    assert done("hv1", Next(act, "hv1 is off"), "so it is") == words


@pytest.mark.parametrize(
    ("act", "error", "words"),
    [
        (Act.READ, BmcUnreachableError("gone"), "hv1: gone; it is tried again"),
        (Act.READ, BmcUnreachableError("hv1 is gone"), "hv1 is gone; it is tried again"),
        (Act.READ, BmcLoginError("a wrong password"), "hv1: a wrong password"),
        (Act.BOOT_DISC, PowerError("no"), "hv1: no; it is started without the boot disc"),
        (Act.BOOT_DISC, BmcUnreachableError("gone"), "hv1: gone; it is tried again"),
        (Act.EJECT, PowerError("no"), "hv1: no; it is tried again when the run ends"),
    ],
)
def test_a_failure_says_what_follows(act: Act, error: PowerError, words: str) -> None:
    """Whether it is tried again, and what is done without it."""
    assert failed("hv1", act, took_failure(Tried(), act, error, 0.0)) == words


def test_an_answer_that_nobody_thought_of_is_an_error_like_the_others() -> None:
    """Short, with what to send."""
    error = not_understood(machine(1), KeyError("x" * 1000))
    assert error.what == "an answer of the BMC of hv1 was not understood"
    assert len(error.why) == 200
    assert "provision power probe SITE hv1" in error.fix
