"""What came of what was asked of a switch, value by value."""

from __future__ import annotations

import pytest

from appliance.errors import (
    BmcCertificateError,
    BmcLoginError,
    BmcUnreachableError,
    PowerError,
)
from appliance.power.model import BootFrom, Contact, Power
from appliance.power.tried import (
    LIMITS,
    Act,
    Tried,
    took_act,
    took_contact,
    took_failure,
    took_power,
)


def test_a_first_look_is_a_reading_too() -> None:
    """What it found is kept, with the power it read and since when the machine is off."""
    contact = Contact(Power.OFF, boots=(BootFrom.PXE,))
    tried = took_contact(Tried(), contact, 7.0)
    assert (tried.contact, tried.power, tried.read_at, tried.off_since) == (
        contact,
        Power.OFF,
        7,
        7,
    )


def test_a_machine_read_as_off_is_ours_and_off_since_the_first_such_reading() -> None:
    """Nothing runs in it that ran before; a reading of on ends the count."""
    once = took_power(Tried(), Power.OFF, 1.0)
    twice = took_power(once, Power.OFF, 9.0)
    assert (twice.ours, twice.off_since, twice.read_at) == (True, 1.0, 9.0)
    on = took_power(twice, Power.ON, 12.0)
    assert (on.off_since, on.ours) == (None, True)


@pytest.mark.parametrize("power", [Power.ON, Power.UNKNOWN])
def test_a_command_that_broke_off_counts_once_it_may_have_been_obeyed(power: Power) -> None:
    """Only a machine that is still off tells that nothing came of it."""
    unsure = took_failure(Tried(boot_set=True), Act.ON, BmcUnreachableError("cut"), 1.0)
    assert unsure.unsure
    obeyed = took_power(unsure, power, 5.0)
    assert (obeyed.unsure, obeyed.tries, obeyed.switched_at, obeyed.boot_set) == (
        False,
        1,
        5,
        False,
    )
    still = took_power(unsure, Power.OFF, 5.0)
    assert (still.unsure, still.tries, still.switched_at, still.boot_set) == (False, 0, None, True)


def test_after_a_switching_the_power_is_read_at_once_and_the_next_boot_is_used_up() -> None:
    """An override holds for one start; the reading that follows is what counts."""
    before = took_power(Tried(boot_set=True), Power.OFF, 3.0)
    after = took_act(before, Act.ON, "hv1 is off", 4.0)
    assert (after.switched_at, after.tries, after.boot_set) == (4.0, 1, False)
    assert after.read_at < 0
    assert after.off_since is None


@pytest.mark.parametrize("error", [BmcLoginError("no"), BmcCertificateError("another")])
def test_what_would_be_refused_again_bars_the_switch(error: PowerError) -> None:
    """A second try of a refused password may lock the user out."""
    assert took_failure(Tried(), Act.CONTACT, error, 0.0).barred


def test_a_refused_part_is_counted_apart_and_the_rest_goes_on() -> None:
    """A BMC that will not be told where to boot from still switches; one without inventory too."""
    refused = PowerError("not with this one")
    boot = took_failure(Tried(), Act.BOOT_NETWORK, refused, 0.0)
    assert (boot.boot_failures, boot.failures) == (1, 0)
    inventory = took_failure(Tried(), Act.INVENTORY, refused, 0.0)
    assert (inventory.inventoried, inventory.failures) == (True, 0)
    silent = took_failure(Tried(), Act.INVENTORY, BmcUnreachableError("silent"), 0.0)
    assert (silent.inventoried, silent.failures) == (False, 1)


def test_pauses_grow_and_an_answer_ends_them() -> None:
    """Each failure waits longer, up to the last pause; an answer takes back what was asked for."""
    tried, pauses = Tried(), []
    for _ in range(len(LIMITS.pauses) + 2):
        tried = took_failure(tried, Act.READ, BmcUnreachableError("silent"), 100.0)
        pauses.append(tried.not_before - 100.0)
    assert pauses == [*LIMITS.pauses, LIMITS.pauses[-1], LIMITS.pauses[-1]]
    asked = took_act(tried, Act.ASK, "press its button", 100.0)
    answered = took_power(asked, Power.ON, 101.0)
    assert (answered.failures, answered.error, answered.asked) == (0, "", "")


def test_the_boot_disc_is_known_to_be_in_until_it_is_out() -> None:
    """A start from it is one until the next is set, or made without anything set."""
    set_so = took_act(Tried(), Act.BOOT_DISC, "", 1.0)
    on = took_act(set_so, Act.ON, "", 2.0)
    assert (on.disc_in, on.by_disc, on.boot_set) == (True, True, False)
    assert not took_act(on, Act.CYCLE, "", 3.0).by_disc
    assert not took_act(on, Act.BOOT_NETWORK, "", 3.0).by_disc
    out = took_act(on, Act.EJECT, "", 3.0)
    assert (out.disc_in, out.by_disc) == (False, True)


def test_a_disc_that_failed_may_be_in_the_drive_all_the_same() -> None:
    """Refused, it is not tried again; unreachable, the BMC may have taken it."""
    refused = took_failure(Tried(), Act.BOOT_DISC, PowerError("no"), 1.0)
    assert (refused.disc_in, refused.disc_refused, refused.failures) == (True, True, 0)
    gone = took_failure(Tried(), Act.BOOT_DISC, BmcUnreachableError("gone"), 1.0)
    assert (gone.disc_in, gone.disc_refused, gone.failures) == (True, False, 1)
    stuck = took_failure(gone, Act.EJECT, PowerError("no"), 2.0)
    assert (stuck.disc_in, stuck.disc_stuck) == (True, True)
