"""All machines against all reports, with what people said above what the file says."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

from appliance.boot.control import Reported
from appliance.discover.report import encode
from appliance.flow.binding import bind_machine, kept_frozen, whole_site
from appliance.flow.context import Context
from appliance.flow.judging import has_begun, judge_all, refusals, wanted_of
from appliance.flow.reports import take_report
from appliance.flow.s1_site import plan_of, propose_again
from appliance.site.load import load_file
from appliance.store.machines import Proven
from appliance.values import Mac
from tests.flow.scripted_machine import report_of
from tests.unit.flow.support import context_in

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {match: {serial: SN-01}, disk: ssd}
    hv2: {match: {serial: SN-02}, disk: ssd}
"""
_ONE, _TWO, _THREE = (Mac(f"52540000000{number}") for number in (1, 2, 3))


def _hear(context: Context, *macs: Mac) -> None:
    for mac in macs:
        text = encode(report_of(mac)).decode()
        take_report(context, Reported(mac, IPv4Address("10.20.0.200"), None, text))


def _site(folder: Path) -> Path:
    path = folder / "site.yaml"
    path.write_text(_SITE)
    return path


def test_everybody_is_matched_and_strangers_stay_unknown(tmp_path: Path) -> None:
    """By what the file tells machines by."""
    with context_in(tmp_path, site_file=_site(tmp_path)) as context:
        _hear(context, _ONE, _TWO, _THREE)
        found = judge_all(context, plan_of(context, load_file(context.site_file)))
    assert {name: each.mac for name, each in found.bound.items()} == {"hv1": _ONE, "hv2": _TWO}
    assert found.unknown == (_THREE,)


def test_a_box_that_was_pointed_out_is_nobody_elses(tmp_path: Path) -> None:
    """The first box is the second machine now: its serial number makes it not the first."""
    with context_in(tmp_path, site_file=_site(tmp_path)) as context:
        _hear(context, _ONE, _TWO)
        loaded = load_file(context.site_file)
        whole = whole_site(context, loaded)
        proposed = propose_again(context, whole, loaded.places)
        bind_machine(context, whole, proposed, "hv2", (_ONE,), None, by_hand=True)
        assert kept_frozen(context) is not None
        found = judge_all(context, plan_of(context, loaded))
    assert found.bound["hv2"].mac == _ONE
    assert "hv1" not in found.matched
    assert found.unknown == (_TWO,)


def test_only_machines_that_wait_are_refused(tmp_path: Path) -> None:
    """What an installer wrote on its own disk is no reason to hold it."""
    with context_in(tmp_path, site_file=_site(tmp_path)) as context:
        _hear(context, _ONE)
        text = encode(report_of(_TWO, disks=())).decode()
        take_report(context, Reported(_TWO, IPv4Address("10.20.0.201"), None, text))
        plan = plan_of(context, load_file(context.site_file))
        found = judge_all(context, plan)
        assert list(refusals(context, plan, found)) == ["hv2"]
        context.proven.put(Proven("hv2", record={"installs": 1}))
        assert has_begun(context, "hv2")
        assert not has_begun(context, "hv1")
        assert refusals(context, plan, found) == {}


def test_an_agreement_holds_for_one_disk(tmp_path: Path) -> None:
    """Of this machine, by its path."""
    with context_in(tmp_path, site_file=_site(tmp_path)) as context:
        loaded = load_file(context.site_file)
        plan = plan_of(context, loaded)
        assert not wanted_of(plan, plan.create, {"hv1": ""}).erase
        whole = whole_site(context, loaded)
        proposed = propose_again(context, whole, loaded.places)
        disk = "/dev/disk/by-id/virtio-01"
        bind_machine(context, whole, proposed, "hv1", (_ONE,), disk, by_hand=True)
        plan = plan_of(context, loaded)
        assert wanted_of(plan, plan.create, {"hv1": disk}).erase
        assert not wanted_of(plan, plan.create, {"hv1": "/dev/disk/by-id/other"}).erase
        assert not wanted_of(plan, plan.create, {"hv2": disk}).erase
