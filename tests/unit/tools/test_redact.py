"""What must not leave the laptop does not: known secrets in every form, unknown ones by shape."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.tools.redact import MASK, Redactor, redact
from appliance.values import Secret

PASSWORD = 'p@ss/wörd "7"+?'
CRYPT = "$6$rounds=5000$saltsalt$" + "a./Z9" * 17 + "b"
KEY = """-----BEGIN OPENSSH PRIVATE KEY-----
b3BlbnNzaC1rZXk
AAAAB3Nza
-----END OPENSSH PRIVATE KEY-----"""


@pytest.mark.parametrize(
    "form",
    [
        PASSWORD,
        json.dumps(PASSWORD),
        json.dumps(PASSWORD, ensure_ascii=False),
        quote(PASSWORD),
        quote(PASSWORD, safe=""),
        quote_plus(PASSWORD),
    ],
)
def test_a_known_secret_is_blanked_in_every_text_form(form: str) -> None:
    """JSON and URL forms of a password are as bad as the password."""
    result = redact(f"before {form} after", [Secret(PASSWORD)])
    assert form.strip('"') not in result
    assert "rd" not in result
    assert result.startswith("before ")
    assert result.endswith(" after")


@pytest.mark.parametrize("before", ["", "a", "ab", "admin:"])
@pytest.mark.parametrize("after", ["", "z", "yz", "xyz"])
@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
def test_base64_is_found_at_each_alignment(before: str, after: str, encode: object) -> None:
    """`Basic` puts a user name before the password, which shifts all its bits."""
    assert callable(encode)
    encoded = encode(f"{before}correct horse>?battery{after}".encode()).decode()
    result = redact(f"seen: {encoded}", [Secret("correct horse>?battery")])
    assert MASK in result
    # What is left are the characters that share bits with the neighbours.
    assert len(result.replace("seen: ", "").replace(MASK, "")) <= 20


@given(
    st.text(min_size=6, max_size=40).filter(lambda text: len(text.strip()) >= 6),
    st.text(max_size=30),
)
def test_no_known_secret_survives(secret: str, around: str) -> None:
    """Whatever stands around it, and whatever it is made of."""
    result = redact(f"{around}{secret}{around}", [Secret(secret)])
    assert secret not in result or secret.strip() in MASK + around


def test_a_short_secret_does_not_blank_ordinary_words() -> None:
    """Five characters are not looked for, six are."""
    assert redact("linux", [Secret("linux")]) == "linux"
    assert redact("kernel", [Secret("kernel")]) == MASK


def test_the_longer_of_two_secrets_is_blanked_whole() -> None:
    """A secret that begins with another one leaves no tail."""
    assert redact("rootroot99", [Secret("rootroot"), Secret("rootroot99")]) == MASK


@pytest.mark.parametrize(
    ("text", "gone", "stays"),
    [
        (f"passwd: {CRYPT}", CRYPT[10:], "passwd"),
        ("hash $y$j9T$abcdefgh$ijklmnopqrst end", "j9T", "end"),
        ("GET /c/Zm9vYmFyLXRva2Vu/config.yaml 200", "Zm9v", "/config.yaml 200"),
        ("POST /hook/Zm9vYmFyLXRva2Vu/started", "Zm9v", "/started"),
        ("Authorization: Bearer abc.def\nHost: x", "abc", "Host: x"),
        ('{"Authorization": "Basic YWJj", "a": 1}', "YWJj", '"a": 1'),
        ("https://user:hunter2@10.0.0.1/redfish", "hunter2", "@10.0.0.1/redfish"),
        (f"key\n{KEY}\nrest", "b3Blb", "rest"),
        ("key -----BEGIN PRIVATE KEY-----\nMIIE", "MIIE", "key"),
        ("K10" + "a" * 64 + "::server:0123abcd", "0123abcd", ""),
        ("rancherd.password=letmein0 quiet", "letmein0", "quiet"),
        ("token: jointoken,", "jointoken", "token"),
        (json.dumps('password: "letmein0" x'), "letmein0", "x"),
        (json.dumps(json.dumps({"token": "letmein0"})), "letmein0", "token"),
    ],
)
def test_shapes_of_secrets_are_blanked_unasked(text: str, gone: str, stays: str) -> None:
    """Nobody has to know a hash, a key or a boot token for it to be kept out."""
    result = redact(text)
    assert gone not in result
    assert stays in result
    assert MASK in result


def test_ordinary_lines_stay_as_they_are() -> None:
    """A log that is blanked everywhere helps nobody."""
    line = "hv1 52:54:00:12:34:56 asked for harvester-v1.8.2-vmlinuz-amd64 (12 MB), sha256:00ff"
    assert redact(line, [Secret("unrelated")]) == line


def test_a_key_in_a_stream_stays_blank_to_its_end() -> None:
    """Live logs come line by line; no line of a key stands alone."""
    redactor = Redactor()
    lines = [redactor.line(line) for line in ["start", *KEY.splitlines(), "rest"]]
    assert lines == ["start", MASK, MASK, MASK, MASK, "rest"]


def test_values_are_blanked_before_they_are_dumped() -> None:
    """Texts at any depth, and whatever a secret's name leads to; the rest stays what it was."""
    value = {
        "token": "ab",
        "os": {"password": 'a "quoted" one', "size": 3},
        "lines": ["say hunter2-hunter2", None, 1.5, True],
        "tokens": 4,
    }
    assert Redactor([Secret("hunter2-hunter2")]).value(value) == {
        "token": MASK,
        "os": {"password": MASK, "size": 3},
        "lines": [f"say {MASK}", None, 1.5, True],
        "tokens": 4,
    }
