"""What was last known of a machine's switch."""

from __future__ import annotations

from pathlib import Path

from appliance.flow.switch_state import kept_state
from appliance.flow.switching import note, note_power
from appliance.power.model import Power
from appliance.site.plan import BmcPlan, Way
from tests.plans import machine
from tests.unit.flow.support import context_in

_ONE = machine(1, bmc=BmcPlan(way=Way.REDFISH, address="https://10.20.0.51", user="root"))


def test_a_switch_is_said_in_one_line_and_as_json(tmp_path: Path) -> None:
    """Never asked, read, and failing."""
    with context_in(tmp_path) as context:
        assert kept_state(context, machine(2)).text == "unknown, by hand"
        assert kept_state(context, _ONE).as_json()["read_at"] is None
        note_power(context, _ONE, Power.ON)
        note(context, _ONE, fingerprint="ab", error="nothing answers")
        state = kept_state(context, _ONE)
        assert state.text.startswith(
            "on, by Redfish at https://10.20.0.51 as root; read 1970-01-12T"
        )
        assert state.text.endswith("; certificate sha256:ab; nothing answers")
        assert state.as_json()["inventory"] == {}
        assert state.as_json()["known"] == {}
