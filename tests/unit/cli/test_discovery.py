"""The verbs for machines that show themselves, as a process."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.discover.report import Content, encode
from appliance.paths import Paths
from appliance.store.database import open_database
from appliance.store.discovered import Discoveries
from appliance.values import Mac
from tests.flow.scripted_machine import report_of
from tests.unit.cli.running import provision

_SITE = """\
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {match: {serial: SN-01}, disk: "size >= 250G"}
"""
_ONE, _TWO = Mac("525400000001"), Mac("525400000002")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site of one machine, and two that reported; the second one's disk holds data."""
    path = tmp_path / "site.yaml"
    path.write_text(_SITE)
    (disk,) = report_of(_TWO).disks
    contents = (Content("", "gpt"), Content("vda1", "ntfs", "Windows"))
    full = replace(disk, contents=contents)
    with closing(open_database(Paths(tmp_path / "state").site("alpha").database)) as connection:
        kept = Discoveries(connection)
        kept.put(_ONE, "10.0.0.200", encode(report_of(_ONE)).decode(), 1.0)
        kept.put(_TWO, "10.0.0.201", encode(report_of(_TWO, disks=(full,))).decode(), 2.0)
    return path


def test_a_disk_is_chosen_from_what_the_list_shows(site: Path, tmp_path: Path) -> None:
    """List, look, approve: with the name of the disk that stands there, and its name twice."""
    state = ("--state", tmp_path / "state")
    code, out, _ = provision("approve", site, *state)
    assert code == 0
    assert f"{_TWO}  waits to be approved" in out
    assert "ntfs 'Windows' on vda1" in out
    code, out, _ = provision("status", site, "SN-02", *state)
    assert "serial         SN-02" in out
    assert "card eth0      52:54:00:00:00:02" in out
    words = ("approve", site, "SN-02", "--name", "hv2", "--disk", "vda", *state)
    code, _, err = provision(*words)
    assert code == 2
    assert "--erase hv2" in err
    code, out, _ = provision(*words, "--erase", "hv2")
    path = "/dev/disk/by-id/virtio-02"
    assert (code, out) == (0, f"{_TWO} is hv2 from now on, to be installed on {path}\n")
    status = json.loads(provision("status", site, "--json", *state)[1])
    assert list(status["waiting"]) == [str(_ONE)]
    assert status["reports"][str(_TWO)]["serial"] == "SN-02"
    assert provision("plan", site, *state)[1].count(path) == 1


def test_nobody_waits_or_nobody_is_meant(tmp_path: Path) -> None:
    """The first is said; an option without a machine is refused, and not passed over."""
    site, state = tmp_path / "site.yaml", ("--state", tmp_path / "state")
    site.write_text(_SITE)
    assert provision("approve", site, *state) == (0, "no unknown machine waits\n", "")
    code, out, err = provision("approve", site, "--name", "hv4", *state)
    assert (code, out) == (2, "")
    assert err.startswith("error BH100: which machine is meant?")


def test_this_machine_is_hv1(site: Path, tmp_path: Path) -> None:
    """One command; a name that the site does not have is exit 2."""
    state = ("--state", tmp_path / "state")
    code, out, _ = provision("identify", site, "SN-02", "hv1", *state)
    assert (code, out) == (0, f"{_TWO} is hv1 from now on\n")
    assert provision("identify", site, "SN-02", "hv9", *state)[0] == 2
    status = json.loads(provision("status", site, "--json", *state)[1])
    assert status["machines"]["hv1"]["macs"] == [str(_TWO)]


def test_a_machine_is_asked_to_blink(site: Path, tmp_path: Path) -> None:
    """It says when it will."""
    code, out, _ = provision("blink", site, "SN-01", "--state", tmp_path / "state")
    assert code == 0
    assert f"{_ONE} blinks for 60 s" in out
    assert provision("blink", site, "nobody", "--state", tmp_path / "state")[0] == 2
