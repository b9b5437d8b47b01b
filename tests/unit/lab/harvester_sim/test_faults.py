"""Faults of the stand-in."""

from __future__ import annotations

import pytest

from appliance.errors import InputError
from appliance.lab.harvester_sim.faults import Faults


def test_faults_are_put_in_force_and_taken_back() -> None:
    """Each by its own form."""
    faults = Faults()
    for text in ("checksum=debian", "no-address=vm1", "unavailable=600"):
        faults.add(text)
    assert faults.has_wrong_checksum("debian")
    assert not faults.has_wrong_checksum("other")
    assert faults.has_no_address("vm1")
    assert faults.as_json()["unavailable"] > 0
    faults.clear()
    assert not faults.has_wrong_checksum("debian")
    assert not faults.has_no_address("vm1")
    assert not faults.unavailable
    assert faults.as_json() == {"checksum": [], "no-address": [], "unavailable": 0, "conflict": 0}


def test_every_third_replacement_meets_a_conflict() -> None:
    """And none where nobody asked for it."""
    faults = Faults()
    assert not any(faults.next_conflicts() for _ in range(5))
    faults.clear()
    faults.add("conflict=3")
    assert sum(faults.next_conflicts() for _ in range(9)) == 3


@pytest.mark.parametrize("text", ["", "rain=1", "checksum=", "unavailable=soon", "conflict"])
def test_what_is_no_fault_is_refused(text: str) -> None:
    """With the forms there are."""
    with pytest.raises(InputError, match="no fault of the lab") as caught:
        Faults().add(text)
    assert "unavailable=SECONDS" in caught.value.fix
