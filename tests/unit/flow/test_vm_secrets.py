"""Each virtual machine has a host key of its own, made once and known beforehand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from appliance.flow.secrets import site_secrets
from appliance.flow.vm_secrets import known_hosts, vm_secrets
from tests.site_files import whole_plan
from tests.unit.flow.support import context_in


def test_a_machine_made_anew_shows_the_same_key(tmp_path: Path) -> None:
    """Kept in the vault; no two machines share one."""
    plan = whole_plan()
    with context_in(tmp_path) as context:
        first = vm_secrets(plan, context.vault)
        again = vm_secrets(plan, context.vault)
        ours = site_secrets(context.vault).ssh_public
    assert set(first) == {vm.name for vm in plan.vms}
    assert {name: each.host_public for name, each in first.items()} == {
        name: each.host_public for name, each in again.items()
    }
    assert len({each.host_public for each in first.values()}) == len(plan.vms)
    assert all(each.authorized_keys[0] == ours for each in first.values())


def test_known_hosts_has_a_line_for_each(tmp_path: Path) -> None:
    """By address and by name."""
    plan = whole_plan()
    with context_in(tmp_path) as context:
        lines = known_hosts(plan, vm_secrets(plan, context.vault)).splitlines()
    assert len(lines) == len(plan.vms)
    assert any(line.startswith(f"{plan.vm('server1').address},server1,") for line in lines)


def test_a_machine_installed_by_hand_gets_none(tmp_path: Path) -> None:
    """Nothing of ours runs in it."""
    plan = whole_plan()
    by_hand = replace(plan.vm("app1"), image=None, iso="windows")
    plan = replace(plan, vms=(*(vm for vm in plan.vms if vm.name != "app1"), by_hand))
    with context_in(tmp_path) as context:
        assert "app1" not in vm_secrets(plan, context.vault)
