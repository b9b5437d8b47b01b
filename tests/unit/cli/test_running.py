"""A run as the command line asks for it."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from appliance.cli.running import Wish, check_site, run_site
from appliance.errors import ArtifactError, InputError, PreflightError
from appliance.flow.stocking import stock
from appliance.paths import Paths
from tests.plans import plan
from tests.unit.flow.test_stocking import medium

_SITE = """
site: alpha
hypervisor:
  harvester: v1.8.2
  machines:
    hv1: {mac: "52:54:00:00:00:01", disk: /dev/disk/by-id/virtio-A}
"""


def _wish(folder: Path, *, until: str | None = "s2", as_json: bool = True) -> Wish:
    file = folder / "site.yaml"
    file.write_text(_SITE)
    return Wish(file, Paths(folder / "state"), "lo", until, as_json, yes=True, proxy=False)


def test_a_step_that_is_none_is_refused(tmp_path: Path) -> None:
    """The error lists those there are, and nothing was begun."""
    with pytest.raises(InputError, match="no step 's9'") as caught:
        run_site(_wish(tmp_path, until="s9"))
    assert caught.value.where == "--to"
    assert "s1, s2" in caught.value.fix
    assert not (tmp_path / "state").exists()


def test_a_run_that_is_refused_at_once_has_written_nothing(tmp_path: Path) -> None:
    """Whoever it is run by: no root, a folder that is closed to others, or no such interface."""
    with pytest.raises(PreflightError):
        run_site(replace(_wish(tmp_path, until=None), interface="nosuch0"))
    assert not (tmp_path / "state").exists()


def test_each_event_is_a_json_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """From the first to the last; what is printed is what the journal keeps."""
    wish = _wish(tmp_path)
    stock(plan(), wish.paths, folder=medium(tmp_path / "medium"), accept_ipxe=True)
    run_site(wish)
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert events[0]["kind"] == "run-started"
    assert events[-1]["kind"] == "run-ended"
    assert [each["id"] for each in events] == list(range(1, len(events) + 1))


def test_without_json_it_is_plain_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody looks at a terminal, no table is drawn."""
    with pytest.raises(ArtifactError):
        run_site(_wish(tmp_path, as_json=False))
    said = capsys.readouterr().out
    assert said
    assert "\x1b" not in said


def test_a_check_prints_what_is_right(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Up to the first thing that is not, which is raised."""
    with pytest.raises(ArtifactError):
        check_site(_wish(tmp_path))
    assert capsys.readouterr().out.splitlines() == ["site alpha: the file is right", "hv1: armed"]


def test_without_a_terminal_nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A question that nobody can answer is answered with no, and never waited for."""
    from appliance.cli.running import _ask

    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert not _ask("Is that right?")


@pytest.mark.parametrize("single_port", [False, True])
def test_tftp_keeps_to_one_port_where_it_is_asked_to(tmp_path: Path, *, single_port: bool) -> None:
    """It is off unless chosen."""
    wish = replace(_wish(tmp_path), single_port=single_port)
    assert wish.options().tftp_single_port is single_port
