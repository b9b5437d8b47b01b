"""The appliance is killed at every step boundary and twice inside the install; UEFI HTTP boot."""

from __future__ import annotations

import pytest

from appliance.lab.appliance_process import EventDict
from appliance.lab.rehearsal import Rehearsal
from tests.lab.rehearsing import (
    installs_on_disk,
    last_states,
    run_to_the_end,
    seen_counts,
    staged,
)

pytestmark = [pytest.mark.root, pytest.mark.rehearsal, pytest.mark.timeout(1800)]

_BOUNDARIES = {("step-done", step) for step in ("s1", "s2", "s3", "s4", "s5", "s8")}
_INSIDE = {("evidence", "config-sent"), ("evidence", "image-asked")}


class Killer:
    """Kills the appliance once at each of its marks."""

    def __init__(self) -> None:
        self.left = _BOUNDARIES | _INSIDE

    def watch(self, rehearsal: Rehearsal, event: EventDict) -> None:
        """Kill -9 when an event is one of the marks; s4 and s5 also end by being found done."""
        kind = "step-done" if event["kind"] == "step-skipped" else event["kind"]
        mark = (kind, event["data"]["seen"] if kind == "evidence" else event.get("step"))
        if mark in self.left and rehearsal.appliance is not None:
            self.left.discard(mark)
            rehearsal.appliance.kill()


def test_killed_at_every_step_it_reaches_the_same_end() -> None:
    """Run again each time: the machine is ready, and was installed once."""
    killer = Killer()
    with staged("lab-http.yaml") as rehearsal:
        assert run_to_the_end(rehearsal, killer.watch) == 0
        assert killer.left == set()
        assert rehearsal.starts == len(_BOUNDARIES | _INSIDE) + 1
        assert set(last_states(rehearsal).values()) == {"ready"}
        for name in rehearsal.machines:
            assert installs_on_disk(rehearsal, name) == 1
            assert seen_counts(rehearsal, name)["hook-succeeded"] == 1
