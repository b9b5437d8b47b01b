"""Loading: every problem of a bad file in one pass, each with its place; and nothing else raised.

`bad/*.yaml` are wrong files, `bad/*.txt` exactly what is said of them. After a change that is
meant, UPDATE_GOLDEN=1 rewrites them, and the difference is read before it is committed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import InputError, SiteFileError
from appliance.site.load import load_file, load_text
from appliance.site.yaml_text import MAX_OCTETS

BAD = Path(__file__).parent / "bad"
EXAMPLES = Path(__file__).parents[3] / "examples"
GOOD = "site: alpha\nhypervisor: {harvester: v1.8.2, machines: {hv1: {}}}\n"


def said_of(text: str, name: str) -> str:
    """Give all that is said of a wrong file."""
    with pytest.raises(SiteFileError) as caught:
        load_text(text, name)
    return f"{caught.value}\n"


@pytest.mark.parametrize("path", sorted(BAD.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_is_said_of_a_bad_file(path: Path) -> None:
    """File, line, column, key, reason and fix of every problem, to the letter."""
    said = said_of(path.read_text(encoding="utf-8"), path.name)
    golden = path.with_suffix(".txt")
    if "UPDATE_GOLDEN" in os.environ:
        golden.write_text(said, encoding="utf-8")
    assert said == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", sorted(BAD.glob("*.txt")), ids=lambda path: path.stem)
def test_every_problem_has_a_fix(path: Path) -> None:
    """A line without "→" would leave the operator alone. And every golden has its file."""
    assert path.with_suffix(".yaml").exists()
    assert all(" → " in line for line in path.read_text(encoding="utf-8").splitlines())


def test_a_good_file_is_a_site_with_places() -> None:
    """The places are kept for what later steps find."""
    loaded = load_text(GOOD, "good.yaml")
    assert loaded.site.site == "alpha"
    assert loaded.places.mark(("hypervisor", "harvester")).column == 25


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_example_is_valid(path: Path) -> None:
    """Examples are copied, so they must be right."""
    assert load_file(path).site.hypervisor.machines


def test_the_smallest_example_is_under_15_lines() -> None:
    """Everything else has a default."""
    assert len((EXAMPLES / "minimal.yaml").read_text(encoding="utf-8").splitlines()) < 15


def test_a_byte_order_mark_does_not_matter(tmp_path: Path) -> None:
    """Windows editors write one."""
    path = tmp_path / "site.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert load_file(path).site.site == "alpha"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named, and what to do."""
    with pytest.raises(InputError, match="no such file") as caught:
        load_file(tmp_path / "site.yaml")
    assert caught.value.exit_code == 2
    assert caught.value.fix


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """It is a common slip of the completing shell."""
    with pytest.raises(InputError, match="this is a folder"):
        load_file(tmp_path)


def test_a_name_that_cannot_be_one(tmp_path: Path) -> None:
    """A NUL in a name is a ValueError of Python, and an InputError of ours."""
    with pytest.raises(InputError, match="cannot be read"):
        load_file(tmp_path / "a\0b")


def test_a_path_through_a_file(tmp_path: Path) -> None:
    """The operating system's own reason is told."""
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="Not a directory"):
        load_file(tmp_path / "file" / "site.yaml")


def test_text_that_is_not_utf8(tmp_path: Path) -> None:
    """The line is told."""
    path = tmp_path / "site.yaml"
    path.write_bytes(b"site: alpha\n# caf\xe9\n")
    with pytest.raises(InputError, match=r"site\.yaml:2: the file is not UTF-8"):
        load_file(path)


def test_a_file_too_large(tmp_path: Path) -> None:
    """It is not read further than the limit."""
    path = tmp_path / "site.yaml"
    path.write_bytes(b"#" * (MAX_OCTETS + 1))
    with pytest.raises(InputError, match="larger than 1 MiB"):
        load_file(path)


_WORDS = st.sampled_from(
    "site alpha hypervisor harvester v1.8.2 machines hv1 mac networks main cidr 10.20.0.0/24 "
    "cluster servers 3 true disk [key] _ ".split(" ")
)
_TREES = st.recursive(
    _WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_WORDS, inner, max_size=5),
    max_leaves=25,
)


def refused(text: str) -> SiteFileError | None:
    """Load a text; give the refusal if there is one. Any other exception fails the test."""
    try:
        load_text(text)
    except SiteFileError as error:
        return error
    return None


def flow(tree: object) -> str:
    """Write a tree as YAML."""
    if isinstance(tree, dict):
        return "{" + ", ".join(f'"{key}": {flow(value)}' for key, value in tree.items()) + "}"
    if isinstance(tree, list):
        return "[" + ", ".join(flow(each) for each in tree) + "]"
    return f'"{tree}"'


@given(_TREES)
def test_any_tree_is_a_site_or_refused(tree: object) -> None:
    """Whatever the keys and values, only the input errors come out, each problem with a fix."""
    error = refused(flow(tree))
    assert error is None or error.problems
    assert error is None or all(problem.fix for problem in error.problems)


@given(st.text(max_size=200))
def test_any_text_is_a_site_or_refused(text: str) -> None:
    """Garbage is a site or raises SiteFileError, nothing else."""
    error = refused(text)
    assert error is None or error.problems


@given(st.binary(max_size=200))
def test_any_file_is_a_site_or_refused(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    """Garbage in a file raises only InputError, of which SiteFileError is one."""
    path = tmp_path_factory.mktemp("garbage") / "site.yaml"
    path.write_bytes(raw)
    with pytest.raises(InputError):
        load_file(path)


@given(st.data())
def test_a_broken_good_file_is_a_site_or_refused(data: st.DataObject) -> None:
    """A character lost, doubled or changed in a good file raises nothing else either."""
    text = (EXAMPLES / "three-node.yaml").read_text(encoding="utf-8")
    place = data.draw(st.integers(0, len(text) - 1))
    change = data.draw(st.sampled_from(["", text[place] * 2, ":", "\n", "{", "\t", "'", "é", "0"]))
    error = refused(text[:place] + change + text[place + 1 :])
    assert error is None or all(problem.line > 0 for problem in error.problems)
