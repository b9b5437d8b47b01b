"""YAML text: values stay text, everything has a place, nothing dangerous is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.site.places import Mark
from appliance.site.yaml_text import MAX_DEPTH, read_yaml


def test_scalars_stay_the_text_that_was_written() -> None:
    """No number, date or truth is guessed: YAML 1.1 reads this MAC as 41135085296."""
    text = (
        "a: 52:54:00:12:34:56\nb: 0012\nc: no\nd: 1e5\ne: 2026-01-01\nf: 'null'\ng: [1, {h: 2}]\n"
    )
    assert read_yaml(text, "f").data == {
        "a": "52:54:00:12:34:56",
        "b": "0012",
        "c": "no",
        "d": "1e5",
        "e": "2026-01-01",
        "f": "null",
        "g": ["1", {"h": "2"}],
    }


def test_every_key_and_value_has_its_place() -> None:
    """Lines and columns count from 1, as editors do."""
    places = read_yaml("a:\n  - b: c\n", "f").places
    assert places.keys == {("a",): Mark(1, 1), ("a", 0, "b"): Mark(2, 5)}
    assert places.values[("a", 0, "b")] == Mark(2, 8)


def test_duplicate_keys_are_all_found() -> None:
    """The first stands; each later one is named with the line of the first."""
    read = read_yaml("a: 1\nb: 2\na: {x: 1}\nb: [3]\n", "f")
    assert read.data == {"a": "1", "b": "2"}
    assert [(f.path, f.mark) for f in read.findings] == [(("a",), Mark(3, 1)), (("b",), Mark(4, 1))]
    assert "line 1" in read.findings[0].what


def test_a_key_without_value_is_named() -> None:
    """An empty value is no default in disguise."""
    read = read_yaml("a:\nb: ~\nc: 1\n", "f")
    assert read.data == {"c": "1"}
    assert [(f.path, f.mark) for f in read.findings] == [(("a",), Mark(1, 1)), (("b",), Mark(2, 1))]


@pytest.mark.parametrize(
    ("text", "what", "mark"),
    [
        ("a: &x 1\nb: *x\n", "&x names a value", Mark(1, 4)),
        ("a: *x\n", "*x repeats another value", Mark(1, 4)),
        ("a: !!python/object:os.system x\n", "the tag", Mark(1, 4)),
        ("[a]: b\n", "a key must be one word", Mark(1, 1)),
        ("a: 1\n---\nb: 2\n", "a second document", Mark(2, 1)),
        ("a: [1\n", "this is no YAML", Mark(2, 1)),
        ("a:\n\t- b\n", "this is no YAML", Mark(2, 1)),
        ("a: b: c\n", "this is no YAML", Mark(1, 5)),
        ("a: 1\nb: \x01\n", "unacceptable character", Mark(2, 4)),
        ('a: "\\UFFFFFFFF"\n', "this is no YAML", Mark(1, 1)),
        ("%YAML 9.9\n---\na: 1\n", "this is no YAML", Mark(1, 1)),
        ("[" * 50, "nested more than 16 deep", Mark(1, MAX_DEPTH + 1)),
        ("&a " * 1000, "&a names a value", Mark(1, 1)),
        ("[" + "a," * 100_001 + "]", "more than 100000 values", None),
    ],
)
def test_what_is_refused(text: str, what: str, mark: Mark | None) -> None:
    """Syntax errors, anchors, tags and bombs end the reading, with the place."""
    read = read_yaml(text, "f")
    assert read.data is None
    assert what in read.findings[-1].what
    assert read.findings[-1].fix
    assert mark is None or read.findings[-1].mark == mark


@given(
    st.text(alphabet=st.sampled_from("ab:-[]{},&*!|>'\"%@`#?~ \t\n\\0"), max_size=60) | st.text()
)
def test_garbage_is_read_or_found_wrong(text: str) -> None:
    """Whatever the text, there is data, a finding, or nothing was said: never an exception."""
    read = read_yaml(text, "f")
    assert read.data is not None or read.findings or read.places.values.keys() <= {()}
