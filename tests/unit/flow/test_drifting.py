"""Drift is looked for without changing anything. With machines: tests/lab."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.errors import PreflightError
from appliance.flow.drifting import drift_of
from tests.plans import machine, plan
from tests.site_files import whole_plan
from tests.unit.flow.support import context_in

_SILENT = plan(machine(1, address=IPv4Address("127.9.9.8")), vip=IPv4Address("127.9.9.9"))


def test_who_is_silent_is_named(tmp_path: Path) -> None:
    """The VIP and each machine, with what was found there."""
    with context_in(tmp_path) as context:
        found = drift_of(context, _SILENT)
    assert [each.partition(":")[0] for each in found] == [
        "the VIP (127.9.9.9)",
        "hv1 (127.9.9.8)",
    ]


def test_a_site_that_was_never_built_from_here_is_refused(tmp_path: Path) -> None:
    """There is no kubeconfig to ask with."""
    whole = replace(whole_plan(), machines=_SILENT.machines, hypervisor=_SILENT.hypervisor)
    with context_in(tmp_path) as context, pytest.raises(PreflightError, match="not here yet"):
        drift_of(context, whole)
