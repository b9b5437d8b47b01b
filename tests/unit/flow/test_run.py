"""A run is noted from its first to its last event, however it ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from appliance.errors import ArtifactError, SiteFileError, StepError, StopRequestedError
from appliance.flow.context import Context, Options
from appliance.flow.run import STEPS, provision
from appliance.flow.stocking import stock
from appliance.paths import Paths
from appliance.store.machines import Proven
from tests.plans import plan
from tests.unit.flow.support import context_in
from tests.unit.flow.test_stocking import medium

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
"""


def _file(folder: Path, text: str = _SITE) -> Path:
    path = folder / "site.yaml"
    path.write_text(text)
    return path


def _last(context: Context) -> tuple[str, object]:
    *_, event = context.journal.events()
    return event.kind, event.data["outcome"]


def test_the_steps_are_in_the_order_of_the_story() -> None:
    """s1 to s8; each has a name and a title."""
    names = [each.name for each in STEPS]
    assert names == sorted(names)
    assert all(each.title for each in STEPS)


def test_a_run_to_a_step_ends_well_and_names_every_machine(tmp_path: Path) -> None:
    """`--to s2`: done; machines known from before are in the last event."""
    stock(plan(), Paths(tmp_path), folder=medium(tmp_path / "medium"), accept_ipxe=True)
    with context_in(
        tmp_path, options=Options("lo", until="s2"), site_file=_file(tmp_path)
    ) as context:
        context.proven.put(Proven("hv0", installed=1.0, ready=2.0))
        context.proven.put(Proven("hv1", record={"state": "image"}))
        provision(context)
        *_, event = context.journal.events()
        *_, run = context.journal.runs()
        steps = [(each.name, each.outcome) for each in context.journal.steps(context.run)]
    assert event.data == {"outcome": "done", "machines": {"hv0": "ready", "hv1": "image"}}
    assert run.outcome == "done"
    assert steps == [("s1", "done"), ("s2", "done")]


def test_a_bad_file_fails_the_run_and_is_noted(tmp_path: Path) -> None:
    """The error goes on to the command line; the journal has it too."""
    with context_in(tmp_path, site_file=_file(tmp_path, "site: [")) as context:
        with pytest.raises(SiteFileError):
            provision(context)
        assert _last(context) == ("run-ended", "failed")


def test_missing_files_fail_the_run(tmp_path: Path) -> None:
    """s2 is journalled as failed with its error."""
    with context_in(tmp_path, site_file=_file(tmp_path)) as context:
        with pytest.raises(ArtifactError):
            provision(context)
        entry = context.journal.steps(context.run)[-1]
    assert (entry.name, entry.outcome, entry.evidence["code"]) == ("s2", "failed", "BH300")


def test_a_stop_is_an_interruption_and_no_failure(tmp_path: Path) -> None:
    """The outcome says so, and what was opened is closed."""
    closed: list[bool] = []
    with context_in(tmp_path, site_file=_file(tmp_path)) as context:
        context.resources.callback(closed.append, True)
        context.stop.set()
        with pytest.raises(StopRequestedError):
            provision(context)
        assert _last(context) == ("run-ended", "interrupted")
    assert closed == [True]


def test_a_database_that_takes_no_more_is_said_so(tmp_path: Path) -> None:
    """SQLite's own word, where, and that space must be made; no bare traceback."""
    with context_in(tmp_path, site_file=_file(tmp_path)) as context:
        context.journal._db.execute("PRAGMA max_page_count=1")
        context.journal._db.execute("PRAGMA query_only=1")
        with pytest.raises(StepError, match="state cannot be written") as caught:
            provision(context)
    assert caught.value.where == str(tmp_path / "alpha")
    assert "disk space" in caught.value.fix
