"""The door to Terraform, with small programs in its place that record what they are given."""

from __future__ import annotations

import logging
import os
import select
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from appliance.errors import StepError
from appliance.tools.terraform import Patience, TerraformProgram, last_line

PATIENCE = Patience(first=5, second=5)


def program(folder: Path, script: str, **environment: str) -> TerraformProgram:
    """Give a program in a folder with a blank and a quote in its name."""
    place = folder / "it's here"
    place.mkdir()
    path = place / "terraform"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    made = TerraformProgram(path, place, environment)
    made.write_script()
    return made


def stream(made: TerraformProgram, folder: Path, *arguments: str) -> tuple[list[str], int, str]:
    """Run a long command; give its lines, its code and what stood beside."""
    lines: list[str] = []
    log = folder / "log.jsonl"
    ended = made.stream(arguments, log, lines.append, threading.Event().is_set, PATIENCE)
    return lines, ended.code, ended.err


def test_arguments_folder_and_environment(tmp_path: Path) -> None:
    """What was asked for arrives, in the folder, with the given environment alone."""
    made = program(
        tmp_path, 'printf "%s|" "$@"; pwd; env', PATH=os.environ["PATH"], GREETING="a 'b"
    )
    done = made.once("show", "-json", "a plan")
    assert done.ok
    arguments, *environment = done.out.splitlines()
    assert arguments == f"show|-json|a plan|{tmp_path}/it's here"
    assert "GREETING=a 'b" in environment
    assert not [line for line in environment if line.startswith(("HOME=", "TF_", "LANG="))]


def test_any_code_is_an_answer(tmp_path: Path) -> None:
    """python-terraform warns of its own deprecated call at each; that is not passed on."""
    made = program(tmp_path, "echo out; echo err >&2; exit 3", PATH=os.environ["PATH"])
    done = made.once("validate")
    assert (done.code, done.out, done.err) == (3, "out\n", "err\n")


def test_nothing_reaches_a_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """python-terraform would log what the program said, at DEBUG, and its complaints always."""
    made = program(tmp_path, "echo very secret; exit 1", PATH=os.environ["PATH"])
    with caplog.at_level(logging.DEBUG):
        made.once("output")
    assert caplog.text == ""


def test_a_damaged_state_file_is_not_read(tmp_path: Path) -> None:
    """python-terraform would read it before and after each command."""
    made = program(tmp_path, "true", PATH=os.environ["PATH"])
    (tmp_path / "it's here/terraform.tfstate").write_text("{torn")
    assert made.once("version").ok


def test_a_short_command_that_does_not_end(tmp_path: Path) -> None:
    """It is ended, and that is said."""
    made = program(tmp_path, "exec sleep 60", PATH=os.environ["PATH"])
    with pytest.raises(StepError, match=r"'terraform init' did not end within 0\.3 s"):
        made.once("init", seconds=0.3)


def test_lines_of_a_long_command(tmp_path: Path) -> None:
    """Each whole, the last one too where it has no end; what stands beside is kept apart."""
    made = program(
        tmp_path,
        'printf "one\\ntw"; sleep 0.3; printf "o\\n\\377"; echo beside >&2; exit 2',
        PATH=os.environ["PATH"],
    )
    assert stream(made, tmp_path, "plan") == (
        ["one\n", "two\n", "\N{REPLACEMENT CHARACTER}"],
        2,
        "beside\n",
    )


def test_much_beside_the_stream_blocks_nothing(tmp_path: Path) -> None:
    """A megabyte on the error channel, far beyond what a pipe holds."""
    made = program(tmp_path, "head -c 1000000 /dev/zero >&2; echo done", PATH=os.environ["PATH"])
    lines, code, err = stream(made, tmp_path, "plan")
    assert (lines, code, len(err)) == (["done\n"], 0, 1_000_000)


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path) -> None:
    """A provider that outlives Terraform is ended, so that nobody works on unseen."""
    made = program(tmp_path, "sleep 60 & echo $!", PATH=os.environ["PATH"])
    lines, _, _ = stream(made, tmp_path, "apply")
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(int(lines[0]))
        assert select.select([descriptor], [], [], 30)[0], "it lives on"
        os.close(descriptor)


def test_files_are_private(tmp_path: Path) -> None:
    """Streams may hold anything a machine says."""
    made = program(tmp_path, "echo hello", PATH=os.environ["PATH"])
    stream(made, tmp_path, "plan")
    assert {p.name: p.stat().st_mode & 0o777 for p in tmp_path.glob("log.*")} == {
        "log.jsonl": 0o600,
        "log.stderr": 0o600,
    }
    assert (tmp_path / "it's here/terraform.sh").stat().st_mode & 0o777 == 0o700


def test_a_missing_program(tmp_path: Path) -> None:
    """Said when the script is written, with what to do."""
    with pytest.raises(StepError, match="Terraform is missing"):
        TerraformProgram(tmp_path / "terraform", tmp_path, {}).write_script()


def test_the_last_line() -> None:
    """The last that says something."""
    assert [last_line(text) for text in ("a\nb \n\n", "", " \n")] == ["b", "", ""]
