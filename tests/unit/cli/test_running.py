"""A run as the command line asks for it."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import typer

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
    """And all that is not; the exit code is that of the first fault."""
    with pytest.raises(typer.Exit) as caught:
        check_site(_wish(tmp_path, as_json=False))
    said = capsys.readouterr()
    assert caught.value.exit_code == 3
    assert said.out.splitlines()[:2] == ["site alpha: the file is right", "hv1: armed"]
    assert "error BH300: 8 of the files" in said.err


def test_a_check_for_a_program_is_json_lines(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is right and what is not, in one stream."""
    with pytest.raises(typer.Exit):
        check_site(_wish(tmp_path))
    said = capsys.readouterr()
    events = [json.loads(line) for line in said.out.splitlines()]
    assert said.err == ""
    assert events[0] == {"kind": "checked", "text": "site alpha: the file is right", "data": {}}
    assert next(each["code"] for each in events if each["kind"] == "error") == "BH300"


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
