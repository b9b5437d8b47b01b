"""The power is cut while the image is written: the machine is installed again from the start."""

from __future__ import annotations

import pytest

from appliance.lab.appliance_process import EventDict
from appliance.lab.rehearsal import Rehearsal
from tests.lab.rehearsing import installs_on_disk, last_states, run_to_the_end, seen_counts, staged

pytestmark = [
    pytest.mark.root,
    pytest.mark.rehearsal,
    pytest.mark.long,
    pytest.mark.timeout(1800),
]


class PowerCut:
    """Pulls the plug once, when the installer has begun to fetch the image."""

    def __init__(self) -> None:
        self.done = False

    def watch(self, rehearsal: Rehearsal, event: EventDict) -> None:
        """Power off and on again, as after a cut."""
        if not self.done and event["kind"] == "evidence" and event["data"]["seen"] == "image-asked":
            self.done = True
            rehearsal.machines["hv1"].power_cycle()


def test_a_power_cut_in_mid_install() -> None:
    """Two installations began, one ended, nobody was asked anything, the machine is ready."""
    cut = PowerCut()
    with staged("lab-bare.yaml") as rehearsal:
        assert run_to_the_end(rehearsal, cut.watch) == 0
        assert cut.done
        assert last_states(rehearsal) == {"hv1": "ready"}
        assert installs_on_disk(rehearsal, "hv1") == 2
        assert seen_counts(rehearsal, "hv1")["hook-succeeded"] == 1
