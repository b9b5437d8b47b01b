"""BMCs that were heard are listed once, with whose they are; nobody is asked to approve them."""

from __future__ import annotations

from pathlib import Path

from appliance.flow.context import Context, Options
from appliance.flow.found_bmcs import found_bmcs
from appliance.flow.looking import look_at
from appliance.flow.orders import unknown_machines
from appliance.flow.session import opened
from appliance.paths import Paths
from appliance.site.plan import BmcPlan, Way
from appliance.values import Mac
from tests.bmc_sites import bmc_site
from tests.plans import machine, plan

DRAC, ILO = "d0:94:66:00:00:01", "d0:94:66:00:00:02"


def hear(context: Context, mac: str, address: str, vendor: str, at: float) -> None:
    """Note what boot tells of a BMC that has its address."""
    data = {"mac": mac, "address": address, "vendor": vendor}
    context.journal.add_event("bmc", f"{mac} has {address}", data=data, at=at)


def test_each_is_listed_once_as_it_was_last_heard(tmp_path: Path) -> None:
    """In the file, and as JSON; it does not wait to be approved."""
    site = tmp_path / "site.yaml"
    site.write_text(bmc_site("10.20.0.51"))
    paths = Paths(tmp_path / "state")
    look = look_at(site, paths)
    with look.writing() as context:
        hear(context, ILO, "10.20.0.201", "HPE iLO", 1_790_000_000)
        hear(context, DRAC, "10.20.0.200", "Dell iDRAC", 1_790_000_001)
        hear(context, DRAC, "10.20.0.51", "Dell iDRAC", 1_790_000_061)
        assert unknown_machines(context, look.plan) == {}
    bmcs = look.status()["bmcs"]
    assert [each["mac"] for each in bmcs] == [ILO, DRAC]
    assert bmcs[1] == {
        "mac": DRAC,
        "address": "10.20.0.51",
        "vendor": "Dell iDRAC",
        "seen": "2026-09-21T14:14:21Z",
        "machine": "hv1",
    }
    text = look.status_as_text("")
    assert f"{DRAC}  a BMC at 10.20.0.51, Dell iDRAC, last heard" in text
    assert "switches hv1" in text
    assert "10.20.0.201, HPE iLO" in text
    assert "write its address under the machine's bmc" in text


def test_a_bmc_is_known_by_its_card(tmp_path: Path) -> None:
    """Also where it has another address yet; its maker may be unknown."""
    mac = Mac.parse(DRAC)
    of = plan(machine(1, bmc=BmcPlan(Way.REDFISH, "10.20.0.51", "root", mac=mac)))
    site = tmp_path / "site.yaml"
    site.write_text(bmc_site("10.20.0.51"))
    with opened(site, "alpha", Paths(tmp_path / "state"), Options("lo")) as context:
        hear(context, DRAC, "10.20.0.200", "", 1_790_000_000)
        (found,) = found_bmcs(context, of)
    assert (found.machine, found.vendor) == ("hv1", "")
    assert "maker unknown" in str(found)
