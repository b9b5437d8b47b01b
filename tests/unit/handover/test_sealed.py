"""Sealed files: only the passphrase opens them, and nothing in them can be exchanged."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.errors import InputError
from appliance.handover.sealed import FORMAT, about, seal, unseal
from appliance.values import Secret

_WORDS = Secret("five words that nobody guesses")


def test_what_is_sealed_opens_with_the_same_words() -> None:
    """Content comes back to the byte; what it is about is readable without."""
    sealed = seal(b"\0state\xff", _WORDS, about={"site": "alpha"})
    assert unseal(sealed, _WORDS) == b"\0state\xff"
    assert about(sealed) == {"site": "alpha"}
    assert b"state" not in sealed
    assert b"nobody guesses" not in sealed


def test_other_words_open_nothing() -> None:
    """The refusal says what it may be."""
    sealed = seal(b"state", _WORDS, about={})
    with pytest.raises(InputError, match="does not open"):
        unseal(sealed, Secret("another five words entirely"))


def test_a_short_passphrase_is_refused() -> None:
    """Whoever finds the file has all the time there is."""
    with pytest.raises(InputError, match="too short"):
        seal(b"state", Secret("hunter2"), about={})


def test_the_header_cannot_be_changed() -> None:
    """Naming another site, or lowering the cost, is found out."""
    line, _, rest = seal(b"state", _WORDS, about={"site": "alpha"}).partition(b"\n")
    header = json.loads(line)
    header["about"]["site"] = "beta"
    forged = json.dumps(header, sort_keys=True).encode() + b"\n" + rest
    with pytest.raises(InputError, match="does not open"):
        unseal(forged, _WORDS)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=300))
def test_garbage_is_refused_in_words(garbage: bytes) -> None:
    """Whatever the file holds, it is one error."""
    with pytest.raises(InputError):
        unseal(garbage, _WORDS, where="stick/alpha.sealed")


@pytest.mark.parametrize(
    "header",
    [
        {"format": FORMAT},
        {"format": FORMAT, "kdf": 7, "nonce": "AAAA"},
        {"format": FORMAT, "kdf": {"salt": "%"}, "nonce": "AAAA"},
        [FORMAT],
    ],
)
def test_half_a_header_is_refused(header: object) -> None:
    """A header with parts missing is no sealed file."""
    with pytest.raises(InputError):
        unseal(json.dumps(header).encode() + b"\n" + b"\0" * 40, _WORDS)
