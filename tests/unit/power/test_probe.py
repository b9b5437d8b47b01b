"""A look at a BMC that changes nothing, and what it gives."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import BmcUnreachableError
from appliance.power.model import BootFrom, Power, Target, Way
from appliance.power.probe import probe, write_probe
from appliance.power.profiles import Kind, Tier, read_profile
from appliance.power.redfish import RedfishControl
from appliance.power.redfish_line import Patience
from appliance.power.retry import Schedule
from appliance.values import Secret
from tests.redfish_bmc import Bmc, Fault, emulating, serving

PATIENCE = Patience(connect=2.0, answer=2.0, schedule=Schedule((0.05,)))


def control(url: str, **said: Any) -> RedfishControl:
    """Give the control of a machine whose BMC listens there."""
    return RedfishControl(Target("hv1", Way.REDFISH, url, **said), patience=PATIENCE)


@pytest.mark.parametrize("vendor", ["dell", "hpe", "supermicro", "lenovo", "ami"])
def test_only_reading_and_the_login(vendor: str) -> None:
    """No PATCH, no POST but that of the login; no password in what it gives."""
    bmc = Bmc.recorded(vendor)
    bmc.login = ("root", "open sesame")
    with serving(bmc) as url:
        found = probe(control(url, user="root", password=Secret("open sesame")))

    assert {each.method for each in bmc.asked} == {"GET", "POST", "DELETE"}
    assert all(e.path.rstrip("/").endswith("Sessions") for e in bmc.asked if e.method == "POST")
    assert found.fits.name.startswith(("dell", "hpe", "supermicro", "lenovo", "ami"))
    assert "sesame" not in f"{found}"


@pytest.mark.parametrize("vendor", ["dell", "hpe", "supermicro", "lenovo", "ami"])
def test_a_recording_can_be_served_again(vendor: str, tmp_path: Path) -> None:
    """It is a BMC for tests: the next control drives it like the first."""
    with serving(Bmc.recorded(vendor)) as url:
        _, tree = write_probe(probe(control(url)), tmp_path / "hv1")
    again = Bmc(json.loads(tree.read_text()))
    with serving(again) as url:
        switch = control(url, uefi=True)
        switch.boot_next(BootFrom.PXE)
        switch.on()

        assert switch.power() is Power.ON
        assert switch.inventory().vendor


def test_nothing_of_the_machine_is_in_it() -> None:
    """Its service tag, its UUID and its addresses are not."""
    with serving(Bmc.recorded("dell")) as url:
        text = json.dumps(probe(control(url)).recording)

    for told in ("EXAMPL1", "CNEXAMPLE000001", "4c4c4544", "52:54:00:D1"):
        assert told not in text


@pytest.mark.parametrize("vendor", ["dell", "hpe", "supermicro", "lenovo", "ami"])
def test_the_starter_profile_is_a_profile(vendor: str, tmp_path: Path) -> None:
    """It can be read, says what was seen, and claims no more than a recording."""
    with serving(Bmc.recorded(vendor)) as url:
        profile, _ = write_probe(probe(control(url)), tmp_path)
    found = read_profile(profile)

    assert found.tier is Tier.RECORDED
    assert found.known == ()
    assert any("power commands" in each.note for each in found.notes)
    assert profile.read_text().startswith("# A starter")


def test_a_starter_fits_the_bmc_it_came_from(tmp_path: Path) -> None:
    """By vendor, whatever signs are in its name."""
    bmc = Bmc.recorded("dell")
    bmc.tree["/redfish/v1"]["Vendor"] = "Contoso (R) + Sons"
    system = bmc.tree["/redfish/v1/Systems/System.Embedded.1"]
    system["Manufacturer"] = "Contoso (R) + Sons"
    with serving(bmc) as url:
        found = probe(control(url))
        profile, _ = write_probe(found, tmp_path)
        kind = "Contoso (R) + Sons"

    assert found.fits.tier is Tier.UNKNOWN
    assert read_profile(profile).fits(Kind(kind, ""))


def test_pages_that_cannot_be_read_are_named() -> None:
    """The rest is there."""
    bmc = Bmc.recorded("lenovo")
    bmc.faults.append(Fault("status", "GET", "/EthernetInterfaces", times=9, status=500))
    with serving(bmc) as url:
        found = probe(control(url))

    assert any("Storage/Gone: HTTP 404" in each for each in found.unread)
    assert any("EthernetInterfaces: HTTP 500" in each for each in found.unread)
    assert "/redfish/v1/Systems/1" in found.recording


def test_it_is_bounded() -> None:
    """By a number of documents, and by time; it says where it stopped."""
    with serving(Bmc.recorded("dell")) as url:
        few = probe(control(url), most=3)
        ticks = iter(range(0, 9000, 100))
        late = probe(control(url), seconds=150, monotonic=lambda: float(next(ticks)))

    assert len(few.recording) == 3
    assert "too many" in few.unread[-1]
    assert len(late.recording) < 5


def test_a_loop_of_references_ends() -> None:
    """Each document once."""
    bmc = Bmc.recorded("dell")
    system = "/redfish/v1/Systems/System.Embedded.1"
    bmc.tree[system]["Links"]["Chassis"] = [{"@odata.id": f"{system}/"}, {"@odata.id": system}]
    with serving(bmc) as url:
        found = probe(control(url))

    read = [each.path for each in bmc.asked if each.path.rstrip("/") == system]
    assert len(read) == 1
    assert system in found.recording


def test_the_emulator_is_probed(tmp_path: Path) -> None:
    """The real one: its system, its manager, its network card."""
    with emulating(tmp_path / "run", ("m0",)) as emulator:
        found = probe(control(emulator.url))

    assert str(found.fits) == "sushy-tools (tested-here)"
    assert len(found.recording) >= 6
    assert "52:54:00:00:00:01" in json.dumps(found.recording)


def test_nobody_there() -> None:
    """Told like any other."""
    with pytest.raises(BmcUnreachableError, match="cannot be reached to be probed"):
        probe(control("http://127.0.0.1:1"))
