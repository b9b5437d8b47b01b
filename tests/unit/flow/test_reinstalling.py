"""A machine is armed once more only where that was agreed to."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import BusyError, InputError
from appliance.flow.looking import Look, look_at
from appliance.flow.reinstalling import reinstall_machine
from appliance.paths import Paths
from appliance.store.lock import hold
from appliance.store.machines import Proven
from tests.unit.flow.test_wiping import _SITE


@pytest.fixture
def site(tmp_path: Path) -> Look:
    """A site that is looked at."""
    path = tmp_path / "site.yaml"
    path.write_text(_SITE)
    return look_at(path, Paths(tmp_path / "state"))


def test_its_disk_may_go_and_its_proof_is_dropped(site: Look) -> None:
    """What a report found on that disk is no reason to hold it."""
    with site.writing() as context:
        context.proven.put(Proven("hv1", installed=1.0, installs=1))
    assert "hv1 is installed anew" in reinstall_machine(site, "hv1", agreed=True)
    with site.reading() as context:
        assert context.agreed.all() == {"hv1": "/dev/disk/by-id/virtio-A"}
        assert context.proven.get("hv1").record["last_seen"] == "reinstall-ordered"


def test_one_that_never_was_is_not_said_to_be_installed_anew(site: Look) -> None:
    """It is armed all the same."""
    said = reinstall_machine(site, "hv1", agreed=True)
    assert said.startswith("hv1 was never installed, and is installed at its next network boot")


def test_a_machine_with_a_bmc_needs_no_hand(tmp_path: Path) -> None:
    """The next run switches it."""
    path = tmp_path / "site.yaml"
    path.write_text(_SITE.replace("hv1: {", "hv1: {bmc: {address: 10.0.0.51, user: root}, "))
    words = reinstall_machine(look_at(path, Paths(tmp_path / "state")), "hv1", agreed=True)
    assert words.endswith("run, which switches it")


@pytest.mark.parametrize(("name", "agreed"), [("hv7", True), ("hv1", False)])
def test_nothing_is_kept_of_what_is_refused(site: Look, name: str, *, agreed: bool) -> None:
    """An unknown name, or no word that the disk may go."""
    with pytest.raises(InputError) as refused:
        reinstall_machine(site, name, agreed=agreed)
    assert (name in refused.value.what, refused.value.where) == (True, "")
    assert not site.paths.site("alpha").database.exists()


def test_a_site_that_is_held_is_left_alone(site: Look) -> None:
    """A run is paused first."""
    with (
        hold(site.paths.site("alpha").lock, who="provision run", since="09:30"),
        pytest.raises(BusyError),
    ):
        reinstall_machine(site, "hv1", agreed=True)
