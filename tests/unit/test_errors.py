"""Every error tells what, where, why and what to do; each has its own code."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance import errors
from appliance.errors import BridgeheadError, PreflightError, Problem, SiteFileError


def tree(base: type[BridgeheadError]) -> Iterator[type[BridgeheadError]]:
    """Give a class and all below it that the module itself defines."""
    if base.__module__ == errors.__name__:
        yield base
    for child in base.__subclasses__():
        yield from tree(child)


def test_codes_are_unique_and_well_formed() -> None:
    """A code read over the phone names one error."""
    codes = [each.code for each in tree(BridgeheadError)]
    assert len(codes) == len(set(codes))
    assert all(code.startswith("BH") and code[2:].isdigit() and len(code) == 5 for code in codes)


def test_the_drawn_tree_names_every_error() -> None:
    """The picture on top of the module is the module."""
    assert errors.__doc__ is not None
    missing = [
        each.__name__ for each in tree(BridgeheadError) if each.__name__ not in errors.__doc__
    ]
    assert missing == []


def test_exit_codes_are_those_promised() -> None:
    """Only the documented exit codes leave the program."""
    assert {each.exit_code for each in tree(BridgeheadError)} <= {2, 3, 4, 5, 130}


def test_an_error_reads_as_one_sentence_with_its_parts() -> None:
    """Where first, then what, why, and the way out."""
    error = PreflightError("no link", where="eth0", why="cable out", fix="plug it in")
    assert str(error) == "eth0: no link (cable out) → plug it in"
    assert str(PreflightError("no link")) == "no link"
    refused = PreflightError("no file", why=FileNotFoundError(2, "No such file", "/x"))
    assert (refused.why, PreflightError("odd", why=OSError("odd")).why) == ("No such file", "odd")
    assert (
        PreflightError("odd", why=UnicodeDecodeError("utf-8", b"x", 0, 1, "")).why
        == "it is no text"
    )
    several = PreflightError("no link", why=["cable out", "switch off"])
    assert (several.reasons, several.why) == (("cable out", "switch off"), "cable out; switch off")
    assert error.as_dict() == {
        "code": "BH200",
        "what": "no link",
        "where": "eth0",
        "why": "cable out",
        "fix": "plug it in",
    }


@pytest.mark.parametrize(("count", "words"), [(1, "1 problem in"), (2, "2 problems in")])
def test_a_site_file_tells_all_its_problems(count: int, words: str) -> None:
    """Each problem has its own line, place and way out; the machine-readable form has them too."""
    problems = tuple(
        Problem("site.yaml", line, 3, "vip", f"bad {line}", "mend it")
        for line in range(1, count + 1)
    )
    error = SiteFileError(problems)
    assert words in error.what
    assert str(error).splitlines()[0] == "site.yaml:1:3: vip: bad 1 → mend it"
    assert len(str(error).splitlines()) == count
    assert f"bad {count}" in error.as_dict()["why"]
