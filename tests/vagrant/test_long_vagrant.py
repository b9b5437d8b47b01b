"""A whole site by Vagrant and libvirt, and no hand on anything: `make test-vagrant`.

The bridge is set up as a laptop is; one command in it switches the machines on by Redfish,
installs them and goes on to the cluster and the report. What is said about minutes is measured
here and held against nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from appliance.lab import legs, vagrant_box
from appliance.lab.outside import PLACE
from appliance.tools.cache import cache_folder
from tests.own_libvirt import ROOT, OwnLibvirt, own_libvirt

pytestmark = [pytest.mark.root, pytest.mark.long, pytest.mark.timeout(5400)]

LIMIT_S = 5100.0
UP_S, RUN_S, DESTROY_S = 2400.0, 2400.0, 240.0
SITES = {
    "vagrant": ("server1 has joined the cluster", "agent1 has joined the cluster"),
    "vagrant-bios": (),
}
"""Examples, and what their runs tell of beside the machine."""


@dataclass
class Minutes:
    """How long each part took, in the order it ended."""

    took: list[tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        """Measure a part, and say it at once."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.took.append((part, (time.monotonic() - began) / 60))
            sys.stdout.write(f"{part}: {self.took[-1][1]:.1f} minutes\n")
            sys.stdout.flush()


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the bridge is a Debian 12")
@pytest.mark.parametrize("name", SITES)
def test_a_whole_site_is_made_by_one_command_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    """Power by the BMCs alone; afterwards all lists are as before."""
    minutes = Minutes()
    with minutes.of("the box"):
        box = vagrant_box.build(cache_folder())
    consoles = Path(os.environ.get("BRIDGEHEAD_CONSOLES", tmp_path / "consoles"))
    consoles.mkdir(exist_ok=True)
    words = {
        "BRIDGEHEAD_SITE": str(ROOT / "examples" / f"{name}.yaml"),
        "BRIDGEHEAD_CONSOLES": str(consoles),
        "XDG_CACHE_HOME": str(cache_folder().parent),
    }
    with own_libvirt(tmp_path / "libvirt", limit_s=LIMIT_S) as libvirt:
        libvirt.run("vagrant", "box", "add", "--name", vagrant_box.NAME, str(box), seconds=120)
        before = libvirt.lists()
        with minutes.of("vagrant up"):
            libvirt.run("vagrant", "up", "--provider", "libvirt", seconds=UP_S, more=words)
        the_site_is_there_and_its_machines_are_off(libvirt, name)
        with minutes.of("provision run"):
            events = run_the_site(libvirt, words)
        no_hand_was_asked_for(events)
        assert set(SITES[name]) <= {event["text"] for event in events if "text" in event}
        the_report_says_what_stood_in(libvirt, words)
        with minutes.of("vagrant destroy"):
            libvirt.run("vagrant", "destroy", "-f", seconds=DESTROY_S, more=words)
        assert libvirt.lists() == before
    assert not (PLACE / name).exists()
    sys.stdout.write(f"{legs.as_text((*legs.legs(events), *legs.later_legs(events)))}\n")
    sys.stdout.writelines(f"  {part:<40} {took:5.1f} min\n" for part, took in minutes.took)


def the_site_is_there_and_its_machines_are_off(libvirt: OwnLibvirt, name: str) -> None:
    """Only the bridge is on; what is to be a server waits for its BMC."""
    assert libvirt.lists().machines == (f"bridgehead-{name}-bridge", f"bridgehead-{name}-hv1")
    assert libvirt.virsh("list", "--name") == f"bridgehead-{name}-bridge"


def run_the_site(libvirt: OwnLibvirt, words: Mapping[str, str]) -> list[dict[str, Any]]:
    """Give the events of one `provision run` in the bridge, which must end with exit code 0."""
    command = "provision run lab.yaml --yes --json"
    done = libvirt.try_to("vagrant", "ssh", "bridge", "-c", command, seconds=RUN_S, more=words)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    assert done.returncode == 0, "\n".join([*lines[-12:], done.stderr[-2000:]])
    return [json.loads(line) for line in lines]


def no_hand_was_asked_for(events: list[dict[str, Any]]) -> None:
    """The machine was set to the network once, switched on, and given its disk at the end."""
    acts = [e["data"].get("act") for e in events if e.get("kind") == "power"]
    wanted = ["boot-network", "on", "boot-disk"]
    assert [act for act in acts if act in wanted] == wanted, acts
    assert "hand" not in acts
    ended = [e for e in events if e.get("kind") == "run-ended"]
    assert ended[-1]["data"]["outcome"] == "done"


def the_report_says_what_stood_in(libvirt: OwnLibvirt, words: Mapping[str, str]) -> None:
    """Stand-ins are named as such in the bridge's own report."""
    command = "sudo sh -c 'cat /var/lib/bridgehead/*/reports/report-*.html'"
    report = libvirt.run("vagrant", "ssh", "bridge", "-c", command, seconds=120, more=words)
    assert "stand-in" in report
