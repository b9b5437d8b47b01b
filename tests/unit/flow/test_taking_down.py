"""Taking a site down: machines are powered off and forgotten. With machines: tests/lab."""

from __future__ import annotations

import os
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.errors import PreflightError
from appliance.flow.context import Options
from appliance.flow.taking_down import _destroy_vms, _power_off, take_down, what_goes
from appliance.store.machines import Proven
from tests.plans import machine, plan
from tests.site_files import whole_plan
from tests.unit.flow.support import context_in


def test_a_machine_that_is_off_is_forgotten_all_the_same(tmp_path: Path) -> None:
    """It is said that nobody answered; its count of installations goes with it."""
    silent = machine(1, address=IPv4Address("127.9.9.8"))
    with context_in(tmp_path) as context:
        context.proven.put(Proven("hv1", installed=1.0, ready=2.0, installs=1))
        line = _power_off(context, silent)
        assert context.proven.get("hv1").installed is None
        assert [each.kind for each in context.journal.events()] == ["undone"]
    assert "switch it off by hand" in line
    assert "its disk is as it was" in line


def test_a_hypervisor_that_was_never_taken_over_has_no_virtual_machines(tmp_path: Path) -> None:
    """There is nothing to destroy, and nobody to ask."""
    with context_in(tmp_path) as context:
        assert list(_destroy_vms(context, whole_plan())) == []


def test_what_would_go_is_what_was_built(tmp_path: Path) -> None:
    """Not what the file wishes; of a step that was broken off, all that it may have made."""
    none = "no virtual machine was built; the site's machines would be powered off and forgotten"
    lost = "virtual machines would be lost with their disks: "
    with context_in(tmp_path) as context:
        journal, whole = context.journal, whole_plan()
        assert what_goes(context, whole) == none
        run = journal.begin_run("1", "eth0")
        journal.begin_step(run, "s6", "x")
        everything = ", ".join(sorted(vm.name for vm in whole.vms))
        assert what_goes(context, whole) == lost + everything
        journal.end_step(run, "s6", "done", {"vms": {"app1": "running", "gone": "running"}})
        assert what_goes(context, whole) == f"{lost}app1, gone"
        for name in ("app1", "gone"):
            context.tell("vm", "removed", machine=name, data={"now": "removed"})
        assert what_goes(context, whole) == none


@pytest.mark.skipif(os.geteuid() != 0, reason="the interface is looked at as root does")
def test_without_the_interface_nothing_is_touched(tmp_path: Path) -> None:
    """Neither the site nor what is known of it."""
    with context_in(tmp_path, options=Options(interface="none0")) as context:
        context.proven.put(Proven("hv1", installed=1.0))
        with pytest.raises(PreflightError):
            list(take_down(context, plan()))
        assert context.proven.get("hv1").installed == 1.0
