"""A create and a join machine, from blank disks to ready, by one command."""

from __future__ import annotations

import pytest

from tests.flow.rehearsed_site import CREATE, JOIN, RehearsedSite, is_step

pytestmark = pytest.mark.root


def test_two_machines_become_a_hypervisor(site_of_two: RehearsedSite) -> None:
    """One command; each is installed once; the join has its script only after the VIP answers."""
    site = site_of_two
    hv1, hv2 = site.machine(CREATE), site.machine(JOIN)
    run = site.run()
    run.until(is_step("s4"))
    hv1.power_on()
    hv2.power_on()
    assert run.end(seconds=90) == 0, run.errors
    assert run.ended == {"outcome": "done", "machines": {"hv1": "ready", "hv2": "ready"}}
    assert (hv1.partitioned, hv2.partitioned) == (1, 1)
    assert hv2.vip_answered
    for name in ("hv1", "hv2"):
        seen = site.seen(name)
        assert (seen["install-script"], seen["hook-succeeded"]) == (1, 1)
    assert hv1.disk is not None
    assert hv2.disk is not None
    assert hv1.disk["token"] == hv2.disk["token"]
    assert site.addresses() == ""
