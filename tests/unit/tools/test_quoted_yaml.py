"""YAML that old readers take for what it says."""

from __future__ import annotations

from typing import Any

import yaml as yaml11
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from appliance.tools.quoted_yaml import dump_quoted
from appliance.values import Secret

# What YAML 1.1 reads as something else when it stands bare.
TRAPS = ("52:54:00:12:34:56", "on", "no", "0644", "1e3", "~", "", "null", "1_000", "12:30:45")


def test_an_old_reader_sees_texts_where_texts_were_written() -> None:
    """No number of seconds where a MAC address stood."""
    document = {"values": list(TRAPS), "yes": True, "number": 5}
    assert yaml11.safe_load(dump_quoted(document).reveal().replace("yes:", '"yes":')) == document


def test_a_secret_is_in_the_text_and_the_text_is_one() -> None:
    """Whoever holds the result holds a secret."""
    dumped = dump_quoted({"key": Secret("line one\nline two\n")})
    assert "line one" not in repr(dumped)
    assert YAML(typ="safe").load(dumped.reveal()) == {"key": "line one\nline two\n"}


@given(
    st.recursive(
        st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["C"])),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.from_regex("[a-m]{3,8}", fullmatch=True), inner)
        ),
    )
)
def test_old_and_new_readers_agree(value: Any) -> None:
    """YAML 1.1 and 1.2 give back what was written."""
    text = dump_quoted({"value": value}).reveal()
    assert yaml11.safe_load(text) == YAML(typ="safe").load(text) == {"value": value}
