"""What people agreed to lose."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from appliance.paths import Paths
from appliance.site.freeze import propose
from appliance.site.load import load_file
from appliance.site.make_plan import make_plan
from appliance.site.plan import DiskPlan, MachinePlan
from appliance.web.confirmed import NAME, agree, disks_text, not_agreed

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"


def machines() -> tuple[MachinePlan, ...]:
    """The machines of an example."""
    site = load_file(EXAMPLES / "three-node.yaml").site
    return make_plan(site, propose(site)).machines


def test_what_was_agreed_once_is_not_asked_again(tmp_path: Path) -> None:
    """Machine by machine, through a restart; readable for nobody else."""
    site = Paths(tmp_path).site("alpha")
    one, two, three = machines()
    assert not_agreed(site, (one, two, three)) == ("hv1", "hv2", "hv3")

    agree(site, (one,))
    agree(site, (two,))
    assert not_agreed(site, (one, two, three)) == ("hv3",)
    assert (site.folder / NAME).stat().st_mode & 0o777 == 0o600


def test_another_disk_is_another_question(tmp_path: Path) -> None:
    """Whatever more would be lost is asked for."""
    site = Paths(tmp_path).site("alpha")
    one = machines()[0]
    agree(site, (one,))

    other = DiskPlan("/dev/disk/by-id/nvme-other", None)
    assert not_agreed(site, (replace(one, disk=other),)) == ("hv1",)
    assert not_agreed(site, (replace(one, wipe_all_disks=True),)) == ("hv1",)
    assert not_agreed(site, (replace(one, data_disk=None),)) == ("hv1",)
    assert not_agreed(site, (one,)) == ()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"hv1": 1}'])
def test_a_damaged_file_asks_again(tmp_path: Path, content: str) -> None:
    """Rather once too often."""
    site = Paths(tmp_path).site("alpha")
    site.folder.mkdir(parents=True)
    (site.folder / NAME).write_text(content)

    assert not_agreed(site, machines()[:1]) == ("hv1",)


def test_all_that_is_erased_is_named() -> None:
    """In the order of the site file's keys."""
    assert disks_text(machines()[2]).count(";") == 2
