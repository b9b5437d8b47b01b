"""A create node and a join node, both UEFI, from blank disks to ready, by one run."""

from __future__ import annotations

import pytest

from tests.lab.rehearsing import (
    installs_on_disk,
    last_states,
    run_to_the_end,
    seen_counts,
    staged,
)

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(1800),
]


def test_two_machines_become_a_hypervisor() -> None:
    """Network boot, installation, own disk, join; nobody is installed twice; a rerun does nothing.

    The joining machine is not given its script before the VIP answers.
    """
    with staged("lab-join.yaml") as rehearsal:
        assert run_to_the_end(rehearsal) == 0
        assert last_states(rehearsal) == {"hv1": "ready", "hv2": "ready"}
        for name in ("hv1", "hv2"):
            assert seen_counts(rehearsal, name)["hook-succeeded"] == 1
            assert installs_on_disk(rehearsal, name) == 1
        order = [
            (event["machine"], event["data"]["seen"])
            for event in rehearsal.history
            if event["kind"] == "evidence"
        ]
        assert order.index(("hv1", "system-answers")) < order.index(("hv2", "install-script"))
        assert ("hv2", "wait-script") in order

        before = len(rehearsal.history)
        assert run_to_the_end(rehearsal) == 0
        again = rehearsal.history[before:]
        skipped = {each["step"] for each in again if each["kind"] == "step-skipped"}
        assert {"s4", "s5"} <= skipped
        assert last_states(rehearsal) == {"hv1": "ready", "hv2": "ready"}
