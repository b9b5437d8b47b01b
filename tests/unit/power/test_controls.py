"""A way becomes a switch, and a machine of the Plan a target; nothing is asked."""

from __future__ import annotations

import pytest

from appliance.power.by_hand import ByHand
from appliance.power.controls import control_of, target_of
from appliance.power.ipmi import IpmiControl
from appliance.power.model import Target, Way
from appliance.power.redfish import RedfishControl
from appliance.power.wake_on_lan import WakeOnLan
from appliance.site.plan import BmcPlan, ExpectedFirmware
from appliance.values import Mac, Secret
from tests.plans import machine


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        (Way.REDFISH, RedfishControl),
        (Way.IPMI, IpmiControl),
        (Way.WAKE_ON_LAN, WakeOnLan),
        (Way.BY_HAND, ByHand),
    ],
)
def test_each_way_has_its_switch(way: Way, kind: type) -> None:
    """Also where nothing answers at the address (192.0.2.0/24 is nobody's, RFC 5737)."""
    target = Target("hv1", way, "192.0.2.7", "root", Secret("calvin"))
    control = control_of(target, interface="lo")
    assert isinstance(control, kind)
    assert control.target is target


def test_no_way_is_left_out() -> None:
    """A new one needs its switch here."""
    for way in Way:
        assert control_of(Target("hv1", way, "192.0.2.7"), interface="lo") is not None


def test_a_machine_of_the_plan() -> None:
    """With what the store keeps of its BMC."""
    bmc = BmcPlan(Way.REDFISH, "https://192.0.2.7", "root", "System.Embedded.1")
    other = Mac.parse("52:54:00:99:00:01")
    planned = machine(1, bmc=bmc, firmware=ExpectedFirmware.UEFI, other_macs=(other,))
    target = target_of(planned, password=Secret("calvin"), fingerprint="ab" * 32)
    assert target == Target(
        machine="hv1",
        way=Way.REDFISH,
        address="https://192.0.2.7",
        user="root",
        password=Secret("calvin"),
        fingerprint="ab" * 32,
        system="System.Embedded.1",
        macs=(*planned.macs, other),
        uefi=True,
    )


@pytest.mark.parametrize(
    ("firmware", "uefi"),
    [(None, None), (ExpectedFirmware.BIOS, False), (ExpectedFirmware.UEFI_HTTP, True)],
)
def test_whether_it_boots_by_uefi(*, firmware: ExpectedFirmware | None, uefi: bool | None) -> None:
    """As far as the site file says it."""
    target = target_of(machine(1, firmware=firmware))
    assert target.uefi is uefi
    assert target.way is Way.BY_HAND
