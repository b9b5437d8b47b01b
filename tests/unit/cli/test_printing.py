"""Errors and progress are printed for people or as one JSON line each."""

from __future__ import annotations

import json

import pytest

from appliance.artifacts.catalog import Trust
from appliance.cli.printing import FetchProgress, print_error, print_text
from appliance.errors import ArtifactError, Problem, SiteFileError, StepError

_ERROR = StepError("it broke", where="hv1", why="the disk is full", fix="free some space")


def test_an_error_says_what_where_why_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    """Four parts, each on its line, on standard error."""
    print_error(_ERROR, as_json=False)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "error BH400: it broke",
        "  where: hv1",
        "  why: the disk is full",
        "  do: free some space",
    ]


def test_several_reasons_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody finds a name among twenty in one line."""
    error = ArtifactError("2 files", why=["a is missing", "b is missing"], fix="bring them")
    print_error(error, as_json=False)
    assert capsys.readouterr().err.splitlines() == [
        "error BH300: 2 files",
        "  why:",
        "    a is missing",
        "    b is missing",
        "  do: bring them",
    ]


def test_an_error_is_one_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` the parts come as fields."""
    print_error(_ERROR, as_json=True)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == {"kind": "error", **_ERROR.as_dict()}


def test_every_problem_of_a_site_file_has_its_place(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a problem, as compilers do, so that editors can jump there."""
    error = SiteFileError((Problem("site.yaml", 3, 5, "vip", "is outside", "choose another"),))
    print_error(error, as_json=False)
    assert capsys.readouterr().err == "site.yaml:3:5: vip: is outside → choose another\n"
    print_error(error, as_json=True)
    assert json.loads(capsys.readouterr().out)["problems"] == [
        "site.yaml:3:5: vip: is outside → choose another"
    ]


def test_a_download_shows_each_tenth_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A million small blocks give ten lines."""
    show = FetchProgress(as_json=True)
    for done in range(1001):
        show.progress("an.iso", done, 1000)
    show.done("an.iso", "fetched", 1000, "sha512:00", "first-use")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [each["kind"] for each in lines] == ["progress"] * 10 + ["artifact"]
    assert lines[-1]["data"]["how"] == "fetched"
    assert lines[-1]["data"]["trust"] == "first-use"
    assert "nothing vouches for it" in lines[-1]["text"]


def test_what_is_no_file_is_said_too(capsys: pytest.CaptureFixture[str]) -> None:
    """For people and for programs."""
    FetchProgress(as_json=False).say("it is not built")
    FetchProgress(as_json=True).say("it is not built")
    plain, coded = capsys.readouterr().out.splitlines()
    assert plain == "it is not built"
    assert json.loads(coded) == {"kind": "finding", "text": "it is not built", "data": {}}


def test_every_kind_of_trust_has_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever vouches for a file is said."""
    show = FetchProgress(as_json=False)
    for trust in Trust:
        show.done("a", "kept", 1, "sha256:00", trust)
    assert len(capsys.readouterr().out.splitlines()) == len(Trust)


def test_a_machines_words_do_not_write_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences in what was kept of it, or in an error's reason, are shown as dots."""
    print_text("first\n\x1b[2Jsecond")
    print_error(StepError("failed", why="last seen: \x1b]0;title\x07"), as_json=False)
    out, err = capsys.readouterr()
    assert out == "first\n·[2Jsecond\n"
    assert "\x1b" not in err
    assert "last seen: ·]0;title·" in err
