"""Ready or not, and in words why not."""

from __future__ import annotations

import errno
import ssl
from ipaddress import IPv4Address

import pytest

from appliance.hypervisor.ready import answers, judge, why_not
from appliance.tools.http_client import ProbeAnswer, probe_https

HERE = IPv4Address("127.0.0.1")


@pytest.mark.parametrize(
    ("status", "body", "ok", "word"),
    [
        (200, b"pong", True, "pong"),
        (200, b"pong\n", True, "pong"),
        (200, b"<html>", False, "taken twice"),
        (401, b"", False, "taken twice"),
        (404, b"default backend", False, "not yet"),
        (503, b"", False, "not yet"),
    ],
)
def test_only_pong_counts(status: int, body: bytes, *, ok: bool, word: str) -> None:
    """A web server that is there is not Harvester yet; its certificate is kept either way."""
    found = judge(ProbeAnswer(status, body, "ab" * 32))
    assert (found.ok, found.fingerprint) == (ok, "ab" * 32)
    assert word in found.text


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (TimeoutError("timed out"), "within 5 s"),
        (ConnectionRefusedError(111, "refused"), "nothing listens"),
        (OSError(errno.EHOSTUNREACH, "no route"), "nobody has this address"),
        (ssl.SSLError(1, "wrong version"), "does not speak TLS"),
        (ConnectionError("the server does not speak HTTP"), "does not speak HTTP"),
        (OSError(errno.ECONNRESET, "Connection reset by peer"), "reset"),
    ],
)
def test_each_silence_has_its_words(error: OSError, word: str) -> None:
    """No bare error number."""

    def failing(_host: str) -> ProbeAnswer:
        raise error

    assert word in why_not(error)
    found = answers(HERE, failing)
    assert (found.ok, found.fingerprint) == (False, "")
    assert word in found.text


def test_nobody_listens() -> None:
    """The real probe against a closed port."""
    found = answers(HERE, lambda host: probe_https(host, "/ping", port=1))
    assert (found.ok, found.text) == (False, "it is up, but nothing listens on port 443 yet")
