"""A SUCCEEDED that never arrives: hooks are sent once. BIOS firmware, Harvester 1.7.

The machine is one that the site file knows only by its serial number: it reports what it is, its
disk is found by a selector, and the Linux that reported starts the installer.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.lab.appliance_process import EventDict
from appliance.lab.rehearsal import Rehearsal
from tests.lab.rehearsing import (
    EXAMPLES,
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


def _unknown(folder: Path) -> str:
    """Give the example's site without the machine's MAC and without its disk's name."""
    text = (EXAMPLES / "lab-bios.yaml").read_text("utf-8")
    for said, instead in (
        ("      mac: 52:54:00:79:00:11\n", ""),
        ("serial: BH-HV1", "match: {serial: BH-HV1}"),
        ("disk: /dev/disk/by-id/virtio-BH-HV1-0", 'disk: "size >= 10G, not usb"'),
    ):
        assert said in text
        text = text.replace(said, instead)
    site = folder / "lab-bios.yaml"
    site.write_text(text, "utf-8")
    return str(site)


def test_a_lost_report_does_not_install_twice(tmp_path: Path) -> None:
    """The image went out whole and the machine comes back without a report: own disk, once."""
    deaf = Deaf()
    with staged(_unknown(tmp_path)) as rehearsal:
        assert run_to_the_end(rehearsal, deaf.watch) == 0
        found = [each["data"] for each in rehearsal.history if each["kind"] == "identified"]
        assert [each["disk"] for each in found] == ["/dev/disk/by-id/virtio-hv1-0"]
        # The Linux that reported started the installer: its firmware booted no second time for it.
        assert "it was ordered to install" in [each.get("text") for each in rehearsal.history]
        assert deaf.done
        assert set(last_states(rehearsal).values()) == {"ready"}
        for name in rehearsal.machines:
            counts = seen_counts(rehearsal, name)
            assert counts["hook-succeeded"] == 0
            assert counts["own-disk-script"] >= 1
            assert installs_on_disk(rehearsal, name) == 1
