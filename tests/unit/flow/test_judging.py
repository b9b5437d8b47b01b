"""All machines against all reports, with what people said above what the file says."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from appliance.artifacts.depot import Depot, Origin
from appliance.boot.control import Reported
from appliance.discover.report import Content, encode
from appliance.flow.binding import bind_machine, kept_frozen, whole_site
from appliance.flow.context import Context
from appliance.flow.judging import (
    has_begun,
    hold_back,
    installer_size,
    judge_all,
    refusals,
    wanted_of,
)
from appliance.flow.reports import take_report
from appliance.flow.s1_site import plan_of, propose_again
from appliance.site.load import load_file
from appliance.store.machines import Proven
from appliance.values import Digest, Mac
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


def test_the_installer_is_as_large_as_what_the_memory_holds_of_it(tmp_path: Path) -> None:
    """Kernel, first root and live root; unknown until all three are in the depot."""
    with context_in(tmp_path, site_file=_site(tmp_path)) as context:
        plan = plan_of(context, load_file(context.site_file))
        assert installer_size(context, plan) == 0
        names = (plan.artifacts.kernel, plan.artifacts.initrd, plan.artifacts.rootfs)
        for name, octets in zip((*names, plan.artifacts.iso), (1, 20, 300, 4000), strict=True):
            _put(context, name, b"x" * octets)
        assert installer_size(context, plan) == 321


def test_a_machine_that_would_fetch_for_ever_is_refused_before(tmp_path: Path) -> None:
    """By what it reported of its memory and the size of the site's own files."""
    with context_in(tmp_path, site_file=_site(tmp_path)) as context:
        plan = plan_of(context, load_file(context.site_file))
        plan = replace(plan, hypervisor=replace(plan.hypervisor, accept_small_hardware=True))
        for name in (plan.artifacts.kernel, plan.artifacts.initrd, plan.artifacts.rootfs):
            _put(context, name, b"x" * 1000)
        text = encode(report_of(_ONE, memory=200 << 20)).decode()
        take_report(context, Reported(_ONE, IPv4Address("10.20.0.200"), None, text))
        _hear(context, _TWO)
        against = refusals(context, plan, judge_all(context, plan))
    assert list(against) == ["hv1"]
    assert "its memory of 210 MB does not hold the installer, which has 3.0 kB" in against["hv1"]


def _put(context: Context, name: str, content: bytes) -> None:
    depot = Depot(context.paths.depot)
    part = depot.incoming / name
    part.write_bytes(content)
    digest = Digest("sha256", hashlib.sha256(content).hexdigest())
    depot.admit(part, name, digest, origin=Origin.STAND_IN, source="a test", now=0.0)


def _held(context: Context, *heard: Mac, can_ask: bool = True) -> tuple[list[str], list[str]]:
    """Name who is refused and who is paused."""
    plan = plan_of(context, load_file(context.site_file))
    held = hold_back(context, plan, judge_all(context, plan), heard=heard, can_ask=can_ask)
    return sorted(held.refused), sorted(held.paused)


def _bound(context: Context, erase: str = "") -> None:
    """Have hv1 and hv2 found by their reports, as an earlier run did."""
    _hear(context, _ONE, _TWO)
    path = context.site_file
    path.write_text(path.read_text().replace("SN-01}, disk: ssd", f"SN-01}}, disk: ssd{erase}"))
    loaded = load_file(path)
    for name, mac in (("hv1", _ONE), ("hv2", _TWO)):
        whole = whole_site(context, loaded)
        proposed = propose_again(context, whole, loaded.places)
        disk = f"/dev/disk/by-id/virtio-{mac.bare[-2:]}"
        bind_machine(context, whole, proposed, name, (mac,), disk, by_hand=False)


def test_who_reported_to_an_earlier_run_reports_to_this_one(tmp_path: Path) -> None:
    """Where it can be asked; nobody whose installation began is, and a new report is enough."""
    with context_in(tmp_path, site_file=_site(tmp_path)) as context:
        _bound(context)
        assert _held(context) == ([], ["hv1", "hv2"])
        assert _held(context, _ONE) == ([], ["hv2"])
        assert _held(context, can_ask=False) == ([], [])
        context.proven.put(Proven("hv1", record={"installs": 1}))
        assert _held(context) == ([], ["hv2"])


@pytest.mark.parametrize(
    ("erase", "disks", "refused"),
    [
        ("", {}, False),
        (", erase: true", {}, False),
        (", erase: true", {"contents": (Content("", "ext4"),)}, True),
        ("", {"contents": (Content("", "ext4"),)}, True),
    ],
)
def test_what_another_claims_ends_no_boot_unless_data_would_be_lost(
    tmp_path: Path, erase: str, disks: dict[str, Any], *, refused: bool
) -> None:
    """A rival by serial number, and one that names its card: on a blank disk nothing is lost."""
    with context_in(tmp_path, site_file=_site(tmp_path)) as context:
        _bound(context, erase)
        (disk,) = report_of(_ONE).disks
        own = report_of(_ONE, disks=(replace(disk, **disks),))
        cards = (*report_of(_THREE).nics, *report_of(_ONE).nics)
        for rival in (report_of(_THREE, serial="SN-01"), report_of(_THREE, nics=cards)):
            for mac, report in ((_ONE, own), (_THREE, rival)):
                text = encode(report).decode()
                take_report(context, Reported(mac, IPv4Address("10.20.0.9"), None, text))
            expected = (["hv1"], []) if refused else ([], ["hv1"])
            assert _held(context, _ONE, _TWO) == expected
