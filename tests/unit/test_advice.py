"""What is advised is said in one place, for who types commands and for who uses the pages."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click
import pytest
import typer

from appliance import advice
from appliance.advice import Advice
from appliance.cli.verbs import app

_NAME = re.compile(r"\{(\w+)\}")


@pytest.mark.parametrize("one", advice.every(), ids=lambda one: one.command[:40])
def test_a_piece_takes_as_many_names_as_its_kind_says(one: Advice) -> None:
    """And the pages fill in nothing that the command's words do not hold."""
    takes = {advice.Always: 0, advice.For: 1, advice.ForTwo: 2}
    assert len(one.names) == takes[type(one)]
    assert set(_NAME.findall(one.page)) <= set(one.names)


def test_names_are_filled_in_in_the_order_of_the_commands_words() -> None:
    """One that stands twice is given once."""
    said = advice.agree_to_switch("cycle", "hv3")
    assert said == "say so: provision power cycle SITE hv3 --yes"
    assert advice.export_then_wipe("{odd}.yaml") == (
        "keep it sealed first: provision export state {odd}.yaml FILE; "
        "then say so: provision wipe {odd}.yaml --yes"
    )


def test_nothing_is_said_twice() -> None:
    """The same words stand for one thing."""
    said = [each.command for each in advice.every()]
    assert len(said) == len(set(said))


# ---------------------------------------------------------------- and nowhere else

PACKAGE = Path(advice.__file__).parent
FACES = ("cli", "lab")
"""Whoever reads what they say types commands."""
ELSEWHERE = {
    "advice.py": "it is the place",
    "boot/script.py": "commands of iPXE",
    "handover/sheet.py": "the sheet that stays on the site tells by which commands what is reached",
    "site/settings_doc.py": "docs/settings.md",
    "site/show.py": "what `provision plan` prints",
    "site/vm_model.py": "docs/settings.md",
}


def _commands() -> Iterator[tuple[str, click.Command]]:
    pending = list(cast("click.Group", typer.main.get_command(app)).commands.items())
    while pending:
        name, command = pending.pop()
        yield name, command
        if isinstance(command, click.Group):
            pending.extend(command.commands.items())


def _ours() -> re.Pattern[str]:
    """What names a command of ours, or an option of one, and more than that alone."""
    found = dict(_commands())
    long = {each for one in found.values() for param in one.params for each in param.opts}
    options = "|".join(re.escape(each) for each in sorted(long) if each.startswith("--"))
    return re.compile(
        rf"\bprovision (?:{'|'.join(map(re.escape, found))})\b|(?:{options})(?![\w-])"
    )


def _texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Give what is said: no docstring, and no word that stands alone, as in a list of arguments."""
    told = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
    parts = {
        id(part)
        for each in ast.walk(tree)
        if isinstance(each, ast.JoinedStr)
        for part in each.values
    }
    for each in ast.walk(tree):
        if isinstance(each, ast.JoinedStr):
            text = "".join(
                str(part.value) if isinstance(part, ast.Constant) else "{}" for part in each.values
            )
        elif isinstance(each, ast.Constant) and isinstance(each.value, str):
            text = "" if id(each) in told | parts else each.value
        else:
            continue
        if not re.fullmatch(r"--[\w-]+=?(?:\{\})?|provision \w+|", text):
            yield each.lineno, text


def test_no_other_module_advises_a_command_or_an_option() -> None:
    """Else a page shows it as it is: it is said in `appliance/advice.py`, with a page's words."""
    ours, found = _ours(), []
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE)
        if name.parts[0] not in FACES and str(name) not in ELSEWHERE:
            tree = ast.parse(path.read_text("utf-8"))
            found += [f"{name}:{line}: {text}" for line, text in _texts(tree) if ours.search(text)]

    assert found == []
