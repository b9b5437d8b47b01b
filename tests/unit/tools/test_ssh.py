"""SSH against a real server on loopback."""

from __future__ import annotations

import socket

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from appliance.errors import StepError
from appliance.tools.ssh import KeyHost, KnownHost, UnknownHost, known_fingerprints, run_remote
from appliance.values import Secret
from tests.sshd import serving

PUBLIC = UnknownHost("rancher")


def test_a_command_on_an_unknown_host() -> None:
    """Its key is told; only the public password was offered."""
    with serving("rancher") as sshd:
        output = run_remote("127.0.0.1", "rancher", PUBLIC, "echo hello; exit 3", port=sshd.port)
    assert (output.out, output.status, output.cut) == (b"hello\n", 3, False)
    assert output.fingerprint == sshd.fingerprint
    assert sshd.passwords == ["rancher"]


def test_a_known_host_gets_the_secret() -> None:
    """After it has shown the key."""
    with serving("very secret") as sshd:
        host = KnownHost(frozenset({sshd.fingerprint}), Secret("very secret"))
        output = run_remote("127.0.0.1", "rancher", host, "echo in", port=sshd.port)
    assert output.out == b"in\n"


def test_another_host_key_gets_nothing() -> None:
    """No password goes to a host that is not the one known."""
    with serving("very secret") as sshd:
        host = KnownHost(frozenset({"SHA256:other"}), Secret("very secret"))
        with pytest.raises(StepError, match="not the one known"):
            run_remote("127.0.0.1", "rancher", host, "echo in", port=sshd.port)
    assert sshd.passwords == []
    assert sshd.commands == []


def test_a_refused_login() -> None:
    """The site's own password is set already: said so, never guessed on."""
    with serving("something else") as sshd, pytest.raises(StepError, match="login is refused"):
        run_remote("127.0.0.1", "rancher", PUBLIC, "echo in", port=sshd.port)
    assert sshd.passwords == ["rancher"]


def test_output_is_bounded() -> None:
    """A host cannot fill the laptop's memory."""
    with serving("rancher") as sshd:
        output = run_remote(
            "127.0.0.1", "rancher", PUBLIC, "yes | head -c 50000", port=sshd.port, limit=1000
        )
    assert (len(output.out), output.cut) == (1000, True)


def test_a_command_that_does_not_end() -> None:
    """It is left after its time."""
    with serving("rancher") as sshd, pytest.raises(StepError, match="in time"):
        run_remote("127.0.0.1", "rancher", PUBLIC, "sleep 3", port=sshd.port, seconds=0.7)


def test_nobody_there() -> None:
    """A closed port."""
    with pytest.raises(StepError, match="refused"):
        run_remote("127.0.0.1", "rancher", PUBLIC, "true", port=1)


def test_something_else_listens() -> None:
    """A port that is open and says nothing, or no SSH."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(StepError):
        run_remote(
            "127.0.0.1",
            "rancher",
            PUBLIC,
            "true",
            port=server.getsockname()[1],
            connect_timeout=0.3,
        )


def test_a_host_is_asked_by_key_once_it_has_shown_its_own() -> None:
    """No password is tried; a host that is another gets not even a signature."""
    made = Ed25519PrivateKey.generate()
    private = made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    public = made.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    with serving("unused") as sshd:
        sshd.public_key = public
        known = known_fingerprints(f"127.0.0.1 {sshd.host_key}", "127.0.0.1")
        host = KeyHost(known, Secret(private))
        output = run_remote("127.0.0.1", "rancher", host, "echo in", port=sshd.port)
        assert known == {sshd.fingerprint}
    with serving("unused") as sshd, pytest.raises(StepError, match="not the one known"):
        run_remote("127.0.0.1", "rancher", host, "echo in", port=sshd.port)
    assert output.out == b"in\n"
    assert sshd.passwords == []
