"""The list of calls for power."""

from __future__ import annotations

from appliance.flow.switch_state import SwitchState
from appliance.power.known import merge
from appliance.power.model import Inventory, Power, Way
from appliance.web.api import ALL_CALLS
from appliance.web.openapi import document
from appliance.web.power_models import POWER_CALLS, PowerAnswer
from tests.plans import machine


def test_every_call_has_a_name_and_a_path_of_its_own() -> None:
    """Among all calls of the wizard."""
    assert len({each.name for each in ALL_CALLS}) == len(ALL_CALLS)
    assert len({(each.method, each.path) for each in ALL_CALLS}) == len(ALL_CALLS)


def test_all_are_in_the_handbook() -> None:
    """With what they take and give."""
    paths = document(POWER_CALLS, version="1")["paths"]
    assert paths.keys() == {each.path for each in POWER_CALLS}
    assert paths["/api/machines/{which}/power"]["post"]["requestBody"]["required"]


def test_an_answer_has_all_that_is_known() -> None:
    """Also of a machine that only a hand switches."""
    said = Inventory(model="R750")
    switch = "Redfish at 10.20.0.51"
    known = merge(machine(1), said, None)
    state = SwitchState(
        "hv1", Way.REDFISH, switch, Power.ON, fingerprint="ab", said=said, known=known
    )
    found = PowerAnswer.of(state, "it is installed")
    assert (found.certificate, found.confirm) == ("ab", "it is installed")
    assert found.facts == (("model", "R750 (by its BMC)"),)
    assert not found.by_hand
    assert PowerAnswer.of(SwitchState("hv2", Way.BY_HAND, "hand"), "").by_hand
