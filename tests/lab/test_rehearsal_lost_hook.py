"""A SUCCEEDED that never arrives: hooks are sent once. BIOS firmware, Harvester 1.7."""

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


class Deaf:
    """Kills the appliance when the image is out, and waits until the report found nobody."""

    def __init__(self) -> None:
        self.done = False

    def watch(self, rehearsal: Rehearsal, event: EventDict) -> None:
        """The appliance is started again only after the installer gave its report up."""
        if self.done or event["kind"] != "evidence" or event["data"]["seen"] != "image-sent":
            return
        self.done = True
        assert rehearsal.appliance is not None
        rehearsal.appliance.kill()
        (machine,) = rehearsal.machines.values()
        assert machine.wait_for("harvester-standin: hook SUCCEEDED failed", 300)


def test_a_lost_report_does_not_install_twice() -> None:
    """The image went out whole and the machine comes back without a report: own disk, once."""
    deaf = Deaf()
    with staged("lab-bios.yaml") as rehearsal:
        assert run_to_the_end(rehearsal, deaf.watch) == 0
        assert deaf.done
        assert set(last_states(rehearsal).values()) == {"ready"}
        for name in rehearsal.machines:
            counts = seen_counts(rehearsal, name)
            assert counts["hook-succeeded"] == 0
            assert counts["own-disk-script"] >= 1
            assert installs_on_disk(rehearsal, name) == 1
