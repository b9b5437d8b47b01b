"""What the ways of switching a machine have in common."""

from __future__ import annotations

from appliance.power.model import BootFrom, Inventory, Power, Target, Way
from appliance.values import Secret


def test_a_target_never_shows_its_password() -> None:
    """A target may be printed or logged; its password may not."""
    target = Target("hv1", Way.REDFISH, "https://192.0.2.7", "root", Secret("calvin-was-here"))

    assert "calvin" not in f"{target} {target!r}"
    assert target.password is not None
    assert target.password.reveal() == "calvin-was-here"


def test_an_empty_inventory_claims_nothing() -> None:
    """What a BMC does not say is empty, 0 or None, never a guess."""
    said = Inventory()

    assert (said.vendor, said.cpus, said.memory, said.disks, said.clock) == ("", 0, 0, (), None)


def test_the_words_of_the_site_file_are_the_values() -> None:
    """Each way and place is written in one word, as in the site file and in JSON."""
    assert [str(way) for way in Way] == ["redfish", "ipmi", "wake-on-lan", "by-hand"]
    assert [str(power) for power in Power] == ["on", "off", "unknown"]
    assert [str(place) for place in BootFrom] == ["pxe", "uefi-http", "disc", "disk"]
