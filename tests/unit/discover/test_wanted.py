"""What the site wants of a machine, taken from its Plan."""

from __future__ import annotations

from appliance.discover.wanted import Code, Refusal, Wanted
from appliance.site.discovered import bind
from appliance.site.freeze import propose
from appliance.site.make_plan import make_plan
from appliance.site.plan import DiskPlan, Expect, MatchRule
from appliance.values import Mac
from tests.sites import site

MAC = Mac.parse("52:54:00:aa:00:01")
DISK = "/dev/disk/by-id/nvme-1"


def test_what_the_file_says_of_a_machine() -> None:
    """Its identity, its disks, what was ordered and what may go."""
    said = {
        "match": {"serial": "A1"},
        "disk": "not usb",
        "expect": {"cpus": "16"},
        "erase": True,
        "data_disk": "/dev/disk/by-id/data",
        "wipe_disks": ["/dev/disk/by-id/old"],
    }
    made = site({"hv1": said}, hypervisor__accept_small_hardware=True)
    plan = make_plan(made, propose(made))

    assert Wanted.of(plan.machines[0], plan.hypervisor) == Wanted(
        name="hv1",
        match=MatchRule(serial="A1"),
        disk=DiskPlan(None, "not usb"),
        expect=Expect(cpus=16),
        erase=True,
        data_disk="/dev/disk/by-id/data",
        wipe_disks=("/dev/disk/by-id/old",),
        accept_small_hardware=True,
    )


def test_a_machine_that_was_found_is_told_by_its_card() -> None:
    """Whoever claims its serial number later does not become it; its disk stays the one chosen."""
    made = site({"hv1": {"match": {"serial": "A1"}, "disk": "not usb"}})
    plan = make_plan(made, bind(made, propose(made), "hv1", (MAC,), DISK))
    one = Wanted.of(plan.machines[0], plan.hypervisor)

    assert one.match == MatchRule(macs=(MAC,))
    assert one.said == MatchRule(serial="A1")
    assert one.disk == DiskPlan(DISK, "not usb")


def test_a_machine_that_people_pointed_out_is_told_by_its_card_alone() -> None:
    """Its new board has not the serial number that the file says."""
    made = site({"hv1": {"mac": str(MAC), "serial": "A1", "disk": "not usb"}})
    plan = make_plan(made, bind(made, propose(made), "hv1", (MAC,), DISK, by_hand=True))

    one = Wanted.of(plan.machines[0], plan.hypervisor)
    assert (one.match, one.said) == (MatchRule(macs=(MAC,)), None)


def test_a_refusal_is_a_sentence() -> None:
    """With what to do, where there is something."""
    assert str(Refusal(Code.SMALL, "it is small", "take another")) == "it is small → take another"
    assert str(Refusal(Code.CLOCK, "its clock is 2 h ahead")) == "its clock is 2 h ahead"
