"""A rehearsal's network and machines are built from the site, and taken down however it ends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import DeadlineError
from appliance.flow.looking import look_at
from appliance.lab.rehearsal import INTERFACE, Rehearsal, rehearsed
from appliance.paths import Paths
from tests.unit.flow.inside_namespace import open_folder

pytestmark = pytest.mark.root

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
    hv2: {mac: "52:54:00:00:00:02", disk: /dev/disk/by-id/virtio-B}
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the boot process can reach."""
    with open_folder() as made:
        (made / "site.yaml").write_text(_SITE)
        yield made


def _namespaces() -> str:
    return subprocess.run(
        ["ip", "netns", "list"], check=True, capture_output=True, text=True
    ).stdout


def test_network_and_machines_are_there_and_gone_afterwards(folder: Path) -> None:
    """A tap for each machine, the appliance's interface, nothing switched on."""
    site = folder / "site.yaml"
    plan = look_at(site, Paths(folder / "state")).plan
    with rehearsed(site, plan, folder, limit_s=60) as rehearsal:
        assert sorted(rehearsal.machines) == ["hv1", "hv2"]
        assert len(rehearsal.network.taps) == 2
        assert rehearsal.state == folder / "state"
        shown = subprocess.run(
            ["ip", "-n", rehearsal.network.appliance, "-o", "link", "show", INTERFACE],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert "LOWER_UP" in shown
        names = (rehearsal.network.switch, rehearsal.network.appliance)
        assert all(each in _namespaces() for each in names)
    assert not any(each in _namespaces() for each in names)


def test_the_end_of_the_appliance_is_followed(folder: Path) -> None:
    """Its events come in order and its exit code is given; without files it refuses with 3."""
    site = folder / "site.yaml"
    plan = look_at(site, Paths(folder / "state")).plan
    seen: list[str] = []
    with rehearsed(site, plan, folder, limit_s=60) as rehearsal:
        with pytest.raises(ValueError, match="not started"):
            rehearsal.follow(lambda _rehearsal, _event: None, seconds=1)
        rehearsal.start_appliance()

        def watch(_rehearsal: Rehearsal, event: dict[str, object]) -> None:
            seen.append(str(event["kind"]))

        assert rehearsal.follow(watch, seconds=60) == 3
        assert rehearsal.starts == 1
    assert seen[0] == "run-started"
    assert seen[-1] == "error"
    assert len(seen) == len(rehearsal.history)


def test_a_rehearsal_that_hangs_has_an_end(folder: Path) -> None:
    """The last event is named."""
    site = folder / "site.yaml"
    plan = look_at(site, Paths(folder / "state")).plan
    with rehearsed(site, plan, folder, limit_s=60) as rehearsal:
        rehearsal.start_appliance()
        with pytest.raises(DeadlineError, match="did not end"):
            rehearsal.follow(lambda _rehearsal, _event: None, seconds=0)
