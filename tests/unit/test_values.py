"""Values are valid once made, and a secret shows itself only when asked."""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.values import Digest, Mac, Secret

SHA256 = "ab" * 32
SHA512 = "cd" * 64


@pytest.mark.parametrize(
    "text",
    [
        "52:54:00:AB:cd:56",
        "52-54-00-ab-cd-56",
        "5254.00ab.cd56",
        "525400ABCD56",
        " 52:54:00:ab:cd:56\n",
    ],
)
def test_a_mac_is_read_in_every_usual_form(text: str) -> None:
    """Labels, switches and BMCs each write it their way."""
    mac = Mac.parse(text)
    assert str(mac) == "52:54:00:ab:cd:56"
    assert mac.bare == "525400abcd56"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "52:54:00:ab:cd",
        "52:54:00:ab:cd:5g",
        "52:54:0:123:45:67",
        "52:54-00:ab-cd:56",
        "5:2:5:4:0:0:a:b:c:d:5:6",
        "01:00:5e:00:00:01",
        "ff:ff:ff:ff:ff:ff",
        "00:00:00:00:00:00",
        "52:54:00:ab:cd:\uff156",
    ],
)
def test_what_no_network_card_owns_is_refused(text: str) -> None:
    """A slip in typing is told, never turned into another machine's address."""
    with pytest.raises(ValueError, match=r"MAC|network card"):
        Mac.parse(text)


@given(st.binary(min_size=6, max_size=6))
def test_octets_go_through_a_mac_unchanged(raw: bytes) -> None:
    """The wire's six octets come out again, whatever they are."""
    mac = Mac.from_bytes(raw)
    assert mac.to_bytes() == raw
    if not raw[0] & 1 and any(raw):
        assert Mac.parse(str(mac)) == mac


def test_a_mac_has_six_octets() -> None:
    """Five are a fault of the caller, told at once."""
    with pytest.raises(ValueError, match="6 octets, not 5"):
        Mac.from_bytes(b"12345")
    with pytest.raises(ValueError, match="hex digits"):
        Mac("52:54:00:ab:cd:56")


@pytest.mark.parametrize(
    ("text", "algorithm"),
    [
        (SHA256, "sha256"),
        (SHA512.upper(), "sha512"),
        (f"sha256:{SHA256}", "sha256"),
        (f" sha512:{SHA512}\n", "sha512"),
    ],
)
def test_a_digest_knows_its_algorithm(text: str, algorithm: str) -> None:
    """By its name, else by its length."""
    digest = Digest.parse(text)
    assert digest.algorithm == algorithm
    assert Digest.parse(str(digest)) == digest


@pytest.mark.parametrize("text", ["", "abc", f"md5:{'a' * 32}", f"sha512:{SHA256}", "sha256:xyz"])
def test_what_is_no_digest_is_refused(text: str) -> None:
    """A checksum that is too short checks nothing."""
    with pytest.raises(ValueError, match=r"digest|sha256"):
        Digest.parse(text)


def test_digests_match_only_within_their_algorithm() -> None:
    """The same digits under another algorithm are another checksum."""
    assert Digest.parse(SHA256).matches(Digest("sha256", SHA256))
    assert not Digest.parse(SHA256).matches(Digest("sha256", "ba" * 32))
    assert not Digest.parse(SHA256).matches(Digest("sha512", SHA512))


@dataclass(frozen=True, slots=True)
class Holder:
    """Something that has a secret in it."""

    name: str
    key: Secret


def test_a_secret_is_shown_by_nothing_but_reveal() -> None:
    """Neither printing, formatting, copying to a dict nor dumping it lays it open."""
    secret = Secret("correct horse")
    holder = Holder("x", secret)
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>20}",
        f"{secret!r}",
        repr(holder),
        str(asdict(holder)),
        json.dumps(asdict(holder), default=str),
        str(vars(type(secret))),
    ]
    assert not [text for text in shown if "horse" in text]
    assert secret.reveal() == "correct horse"


def test_secrets_compare_by_their_text() -> None:
    """Equal texts are equal secrets; a text itself is none."""
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("\udcff") == Secret("\udcff")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert copy.deepcopy(Secret("a")) == Secret("a")
