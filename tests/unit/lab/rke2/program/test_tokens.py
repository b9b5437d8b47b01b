"""Join tokens."""

from __future__ import annotations

import pytest

from appliance.lab.rke2.program import tokens
from appliance.lab.rke2.program.log import FatalError

CA = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


def test_a_full_token_pins_the_ca() -> None:
    """What is written is read back; another CA is refused in upstream's words."""
    token = tokens.parse(tokens.full(CA, "server", "sesame:and::more"))

    assert (token.user, token.secret) == ("server", "sesame:and::more")
    tokens.check_pin(token, CA)
    with pytest.raises(FatalError, match="token CA hash does not match the Cluster CA"):
        tokens.check_pin(token, CA + b"\n")


def test_a_short_token_pins_nothing() -> None:
    """The whole text is the secret."""
    token = tokens.parse("sesame")
    assert token == tokens.Token("", "", "sesame")
    tokens.check_pin(token, CA)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "must not be empty"),
        ("K10abc::server:x", "CA hash length"),
        (f"K10{'a' * 64}::server", "invalid token format"),
        (f"K10{'a' * 64}::server:", "invalid token format"),
        ("K10word", "invalid token format"),
    ],
)
def test_a_token_that_is_none_is_refused(text: str, why: str) -> None:
    """Each with its reason."""
    with pytest.raises(FatalError, match=why):
        tokens.parse(text)


def test_a_secret_is_not_shown() -> None:
    """Neither in a log nor in a traceback."""
    assert "sesame" not in repr(tokens.parse("sesame"))
