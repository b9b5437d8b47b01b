"""One question to a switch, by its name."""

from __future__ import annotations

import pytest

from appliance.power.asking import ask
from appliance.power.model import BootFrom, Contact, Inventory, Power, Target, Way
from appliance.power.tried import Act
from tests.unit.flow.scripted_switch import ScriptedSwitch

_DISC = "http://10.20.0.1/a/ipxe.iso"


def _asked(act: Act) -> tuple[list[str], object]:
    switch = ScriptedSwitch()
    control = switch.make(Target("hv1", Way.REDFISH), interface="eth0")
    outcome = ask(control, act, place=BootFrom.UEFI_HTTP, disc=_DISC)
    return switch.asked, outcome


@pytest.mark.parametrize(
    ("act", "verb", "text"),
    [
        (Act.BOOT_NETWORK, "boot uefi-http", "uefi-http, once"),
        (Act.BOOT_DISC, "boot disc", "disc, once"),
        (Act.BOOT_DISK, "boot disk", "its disk"),
        (Act.EJECT, f"take out {_DISC}", "it is out of its BMC's drive"),
        (Act.ON, "on", ""),
        (Act.CYCLE, "cycle", ""),
    ],
)
def test_what_changes_something_is_said_in_words(act: Act, verb: str, text: str) -> None:
    """One verb of the switch for each act, and the words are the switch's own."""
    assert _asked(act) == ([verb], text)


@pytest.mark.parametrize(
    ("act", "verb", "kind"),
    [
        (Act.CONTACT, "contact", Contact),
        (Act.INVENTORY, "inventory", Inventory),
        (Act.READ, "power", Power),
    ],
)
def test_what_looks_gives_what_was_seen(act: Act, verb: str, kind: type) -> None:
    """As it is, for the run to take."""
    verbs, outcome = _asked(act)
    assert verbs == [verb]
    assert isinstance(outcome, kind)
