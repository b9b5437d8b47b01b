"""What is known of a machine of the site: its report, what its BMC adds, where they differ."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from appliance.discover.report import Disk, Nic, Report, encode
from appliance.flow.context import Context
from appliance.flow.known_machine import facts_of, known_of, report_of_any
from appliance.flow.switching import note
from appliance.power.inventory import as_json
from appliance.power.known import Source
from appliance.power.model import Inventory, InventoryDisk
from appliance.site.plan import BmcPlan, Way
from appliance.values import Mac
from tests.plans import machine, plan
from tests.unit.flow.support import context_in

_MAC = Mac("525400123401")
_ONE = machine(1, bmc=BmcPlan(way=Way.REDFISH, address="https://10.20.0.51", user="root"))
_REPORT = Report(
    product="R750",
    threads=64,
    nics=(Nic("eno1", _MAC),),
    disks=(
        Disk("sda", 960_000_000_000, serial="S6ESNX0"),
        Disk("sdb", 16_000_000_000, serial="STICK", removable=True),
    ),
)
_SAID = Inventory(serial="4S1RVM1", cpus=32, disks=(InventoryDisk("Bay 0", serial="s6esnx0"),))


def _report(context: Context) -> None:
    context.discoveries.put(_MAC, "10.20.0.11", encode(_REPORT).decode(), context.clock.utc())


def test_a_report_is_filled_up_by_the_bmc(tmp_path: Path) -> None:
    """A stick that is plugged in is none of the machine's disks."""
    with context_in(tmp_path) as context:
        assert known_of(context, _ONE).by == {}
        assert facts_of(context, _ONE, None) == ()
        note(context, _ONE, inventory=as_json(_SAID))
        assert ("serial number", "4S1RVM1 (by its BMC)") in facts_of(context, _ONE, None)
        _report(context)
        both = known_of(context, _ONE)
        assert (both.by["serial"], both.by["cpus"]) == (Source.BMC, Source.REPORT)
        assert [each.name for each in both.holds.disks] == ["sda"]
        found = report_of_any(context, plan(_ONE), "hv1")
        lines = facts_of(context, _ONE, found)
    assert ("model", "R750") in lines
    assert lines[-2:] == (
        ("serial number", "4S1RVM1 (by its BMC)"),
        ("differs", "its BMC counts 32 processor threads, and the machine itself 64"),
    )


def test_a_machine_that_is_none_of_the_site_has_its_report_alone(tmp_path: Path) -> None:
    """By any name that it goes by; of one that never reported there is none."""
    other = plan(replace(machine(2), macs=()))
    with context_in(tmp_path) as context:
        assert report_of_any(context, other, str(_MAC)) is None
        assert report_of_any(context, other, "hv2") is None
        _report(context)
        found = report_of_any(context, other, str(_MAC))
        assert found is not None
        assert dict(facts_of(context, None, found))["model"] == "R750"
        assert facts_of(context, None, None) == ()
