"""A secret that a verb is given: the first line of a file, or typed at the terminal."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import typer

from appliance.cli.printing import print_warning
from appliance.errors import InputError
from appliance.values import Secret

_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def given_secret(name: str, prompt: str, file: Path | None, *, twice: bool = True) -> Secret:
    """Give a secret; `name` is what it is called, and its option is `--NAME-file`.

    A file that others may read is taken, and that is said. Raises InputError where the file cannot
    be read, or nobody can be asked.
    """
    if file is not None:
        return _first_line(name, file)
    if not sys.stdin.isatty():
        raise InputError(
            f"there is no terminal to ask at for the {name}",
            where=f"the {name}",
            fix=f"write it into a file of mode 0600, and give --{name}-file FILE",
        )
    return Secret(typer.prompt(prompt, hide_input=True, confirmation_prompt=twice))


def _first_line(name: str, file: Path) -> Secret:
    try:
        with file.open(encoding="utf-8") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            line = opened.readline()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"the {name} cannot be read",
            where=str(file),
            why=error,
            fix=f"name a text file whose first line is the {name}, and that you may read",
        ) from error
    if stat.S_ISREG(mode) and mode & _OF_OTHERS:  # a pipe has a mode, and nobody else reads it
        print_warning(f"others may read the {name} in {file}: chmod 600 {file}")
    return Secret(line.rstrip("\r\n"))
