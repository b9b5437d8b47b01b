"""How a machine's switch is asked, and what is kept of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import BmcLoginError
from appliance.flow.switching import (
    is_switched,
    kept_of,
    note,
    note_contact,
    note_power,
    owes_disk,
    refuse_without_password,
    switch_words,
    target_of,
)
from appliance.power.model import Contact, Power
from appliance.site.plan import BmcPlan, MachinePlan, Way
from appliance.values import Secret
from tests.plans import machine
from tests.unit.flow.support import context_in


def _machine(way: Way = Way.REDFISH, host: int = 51) -> MachinePlan:
    return machine(1, bmc=BmcPlan(way=way, address=f"https://10.20.0.{host}", user="root"))


def test_a_certificate_is_told_once_and_asked_for_ever_after(tmp_path: Path) -> None:
    """What the first look found is what the next question goes by."""
    one = _machine()
    with context_in(tmp_path) as context:
        told = note_contact(context, one, Contact(Power.ON, "ab" * 32, "idrac9 (reported)"))
        assert told.startswith("hv1: its BMC shows the certificate sha256:abab")
        assert target_of(context, one).fingerprint == "ab" * 32
        assert note_contact(context, one, Contact(Power.OFF, "ab" * 32)) == ""
        assert kept_of(context, one)["power"] == "off"


def test_nothing_of_a_bmc_holds_at_another_address_but_what_its_machine_is_owed(
    tmp_path: Path,
) -> None:
    """Not its certificate either: the new one, first unreachable, would never be let in."""
    before, after = _machine(), _machine(host=99)
    with context_in(tmp_path) as context:
        note_contact(context, before, Contact(Power.ON, "ab" * 32))
        note(context, before, disk_due=True)
        assert target_of(context, after).fingerprint is None
        assert kept_of(context, after) == {}
        note(context, after, error="nothing answers")
        assert context.switches.get("hv1").keys() == {"address", "error", "disk_due"}
        assert owes_disk(context, after)
        assert not owes_disk(context, machine(1))


def test_the_password_of_one_stands_above_that_of_all(tmp_path: Path) -> None:
    """Without either, what to do is said; a magic packet wants none."""
    one = _machine()
    with context_in(tmp_path) as context:
        with pytest.raises(BmcLoginError) as caught:
            refuse_without_password(one, target_of(context, one))
        assert caught.value.fix == "give it: provision power password SITE hv1"
        packet = _machine(Way.WAKE_ON_LAN)
        refuse_without_password(packet, target_of(context, packet))
        context.vault.put("bmc", Secret("of all"))
        assert target_of(context, one).password == Secret("of all")
        context.vault.put("bmc-hv1", Secret("its own"))
        refuse_without_password(one, target_of(context, one))
        assert target_of(context, one).password == Secret("its own")


def test_a_switch_has_a_name_in_a_sentence(tmp_path: Path) -> None:
    """And a reading takes away what went wrong before."""
    one = _machine()
    assert switch_words(one) == "the BMC of hv1 at https://10.20.0.51"
    assert switch_words(_machine(Way.WAKE_ON_LAN)) == "the magic packet"
    assert (is_switched(one), is_switched(machine(1))) == (True, False)
    with context_in(tmp_path) as context:
        note(context, one, error="nothing answers")
        note_power(context, one, Power.ON)
        assert "error" not in kept_of(context, one)
