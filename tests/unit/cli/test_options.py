"""Options that several verbs share mean the same everywhere."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from appliance.cli.verbs import app, obey
from appliance.errors import InputError

_SHARED = {
    "--state": "BRIDGEHEAD_STATE",
    "--interface": "BRIDGEHEAD_INTERFACE",
    "--yes": None,
}


def _params() -> Iterator[tuple[str, Any]]:
    """Give each argument and option, and the verb it is of: `power status`."""
    pending = [("", typer.main.get_command(app))]
    while pending:
        name, command = pending.pop()
        pending += [
            (f"{name} {each}".strip(), below)
            for each, below in getattr(command, "commands", {}).items()
        ]
        yield from ((name, each) for each in command.params)


def test_json_is_events_or_one_answer() -> None:
    """Help says which."""
    of = {name: each.help for name, each in _params() if "--json" in each.opts}
    answer = {name for name, said in of.items() if said == "The answer as one JSON document."}
    assert answer == {"plan", "status", "power status", "drift"}
    assert {of[name] for name in of.keys() - answer} == {"One JSON event a line."}


def test_arguments_are_named_as_the_docs_name_them() -> None:
    """In capitals, without brackets of their own: Typer sets those."""
    named = {each.metavar for _, each in _params() if not each.opts[0].startswith("-")}
    assert named == {"SITE", "MACHINE", "WHICH", "NAME", "NODE", "FILE", "CODE"}


def test_what_cannot_be_read_is_refused_by_who_opens_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who opens it says what to do; Typer only that the value is invalid."""
    file = str(tmp_path / "file")
    Path(file).write_text("")
    monkeypatch.setattr(os, "access", lambda *_words, **_more: False)
    for words in (
        ["plan", file],
        ["undo", file],
        ["plan", "none.yaml", "--state", file],
        ["fetch", "none.yaml", "--from", file],
        ["import", file],
        ["import", "none", "--passphrase-file", file],
        ["power", "password", "none.yaml", "--password-file", file],
    ):
        with pytest.raises(InputError) as refused:
            obey(words)
        assert "Invalid value" not in refused.value.what, words


def test_a_shared_option_is_the_same_in_every_verb() -> None:
    """Help, environment variable and default do not differ from verb to verb."""
    verbs = getattr(typer.main.get_command(app), "commands", {})
    for name, variable in _SHARED.items():
        found = {
            (each.help, str(each.envvar), str(each.default))
            for verb in verbs.values()
            for each in verb.params
            if name in each.opts
        }
        assert len(found) == 1, name
        assert {envvar for _, envvar, _ in found} == {str(variable)}


def test_every_verb_and_every_option_explains_itself() -> None:
    """`--help` has a sentence for each."""
    for name, verb in getattr(typer.main.get_command(app), "commands", {}).items():
        assert verb.help, name
        for each in verb.params:
            if each.opts[0].startswith("-"):
                assert getattr(each, "help", ""), f"{name} {each.opts[0]}"
