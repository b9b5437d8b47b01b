"""What runs left on this laptop is taken back from their notes, and told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from appliance.errors import BusyError, PreflightError
from appliance.flow.context import Options
from appliance.flow.session import opened
from appliance.flow.undoing import undo_site, undo_steps
from appliance.paths import Paths
from tests.unit.flow.support import context_in

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
"""
_OF_AN_EARLIER_START = {
    "interface": "lo",
    "address": "127.0.0.1/8",
    "lacked": True,
    "forwarding": "1",
    "boot": "of an earlier start of this laptop",
}


def _site(folder: Path) -> Path:
    path = folder / "site.yaml"
    path.write_text(_SITE)
    return path


def test_root_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is looked at."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(PreflightError, match="needs root"):
        list(undo_site(tmp_path / "nosuch.yaml", Paths(tmp_path)))


@pytest.mark.root
def test_a_site_that_never_ran_is_left_unmade(tmp_path: Path) -> None:
    """No folder, no lock, no database."""
    state = tmp_path / "state"
    assert list(undo_site(_site(tmp_path), Paths(state))) == []
    assert not state.exists()


@pytest.mark.root
def test_a_site_that_runs_is_left_alone(tmp_path: Path) -> None:
    """The error says who holds it."""
    site, paths = _site(tmp_path), Paths(tmp_path / "state")
    with (
        opened(site, "alpha", paths, Options("lo"), exclusive="provision run"),
        pytest.raises(BusyError) as caught,
    ):
        list(undo_site(site, paths))
    assert "provision run" in caught.value.why


def test_a_note_from_before_the_last_start_is_only_dropped(tmp_path: Path) -> None:
    """What was set did not outlive the start: nothing is done, told or kept."""
    with context_in(tmp_path) as context:
        context.journal.left.write("s3", _OF_AN_EARLIER_START)
        assert list(undo_steps(context)) == []
        assert context.journal.left.read("s3") is None
        assert list(context.journal.events()) == []
