"""Options that several verbs share mean the same everywhere."""

from __future__ import annotations

import typer.main

from appliance.cli.verbs import app

_SHARED = {
    "--state": "BRIDGEHEAD_STATE",
    "--interface": "BRIDGEHEAD_INTERFACE",
    "--json": None,
    "--yes": None,
}


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
