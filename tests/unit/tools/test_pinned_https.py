"""A server known by its certificate, on loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from cryptography import x509

from appliance.tools.pinned_https import (
    Authority,
    CertificateChangedError,
    ClientCertificate,
    Pin,
    PinnedHttps,
    fingerprint_of,
    shown_certificate,
)
from appliance.values import Secret
from tests.harvester_server import VIP, Harvester, identity, serving

HOST = "127.0.0.1"


@pytest.fixture
def harvester() -> Iterator[Harvester]:
    """Give a server that signs for itself, and names its address."""
    with serving(Harvester(identity("dynamic", VIP))) as running:
        yield running


def test_the_pinned_certificate_is_taken(harvester: Harvester) -> None:
    """Whatever names it has."""
    line = PinnedHttps(HOST, Pin(harvester.identity.fingerprint), port=harvester.port)
    assert line.request("GET", "/x").status == 401
    assert fingerprint_of(shown_certificate(HOST, port=harvester.port)) == (
        harvester.identity.fingerprint
    )


def test_another_certificate_gets_nothing(harvester: Harvester) -> None:
    """Both fingerprints are told, and not a byte of the request was sent."""
    line = PinnedHttps(HOST, Pin("0" * 64), port=harvester.port)
    with pytest.raises(CertificateChangedError) as caught:
        line.request("POST", "/x", headers={"Authorization": "Bearer secret"}, body=b"secret")
    assert (caught.value.known, caught.value.found) == (
        "0" * 64,
        harvester.identity.fingerprint,
    )
    assert harvester.asked == []


def test_a_certificate_that_vouches_for_itself(harvester: Harvester) -> None:
    """As a kubeconfig with the pinned certificate as its authority has it."""
    line = PinnedHttps(HOST, Authority(harvester.identity.pem, HOST), port=harvester.port)
    assert line.request("GET", "/x").status == 401


def test_a_leaf_of_another_authority_is_its_own_anchor() -> None:
    """The pinned leaf is enough, though its issuer is not known."""
    authority = identity("ca", authority=True)
    leaf = identity("leaf", VIP, issuer=authority)
    with serving(Harvester(leaf)) as harvester:
        for pem in (leaf.pem, authority.pem):
            line = PinnedHttps(HOST, Authority(pem, HOST), port=harvester.port)
            assert line.request("GET", "/x").status == 401


def test_an_authority_judges_name_and_issuer(harvester: Harvester) -> None:
    """Another name, another issuer: refused before anything is sent."""
    other = identity("dynamic", VIP)
    for trust in (Authority(harvester.identity.pem, "elsewhere"), Authority(other.pem, HOST)):
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            PinnedHttps(HOST, trust, port=harvester.port).request("GET", "/x")
    assert harvester.asked == []


def test_a_client_certificate_is_shown() -> None:
    """RKE2's own kubeconfig has one in place of a token."""
    authority = identity("ca", authority=True)
    admin = identity("system:admin", issuer=authority)
    server = Harvester(identity("node", x509.DNSName("node"), issuer=authority))
    with serving(server, client_authority=authority.pem) as harvester:
        client = ClientCertificate(admin.pem, Secret(admin.key_pem))
        line = PinnedHttps(
            HOST, Authority(authority.pem, "node"), port=harvester.port, client=client
        )
        assert line.request("GET", "/apis/x").status == 404
        assert "system:admin" in harvester.client


def test_nobody_there() -> None:
    """An OSError, as any line that fails."""
    with pytest.raises(ConnectionRefusedError):
        PinnedHttps(HOST, Pin(""), port=1).request("GET", "/x")
    with pytest.raises(ConnectionRefusedError):
        shown_certificate(HOST, port=1)


def test_a_server_that_says_nothing() -> None:
    """The time-out holds for the handshake too."""
    with socket.create_server((HOST, 0)) as server, pytest.raises(TimeoutError):
        PinnedHttps(HOST, Pin(""), port=server.getsockname()[1], timeout=0.2).request("GET", "/")


def test_an_answer_that_breaks_off() -> None:
    """The other side closed in the middle."""
    server = Harvester(identity(), password="first", die_after_change=True)
    with serving(server) as harvester:
        line = PinnedHttps(HOST, Pin(harvester.identity.fingerprint), port=harvester.port)
        with pytest.raises(ConnectionError):
            line.request(
                "POST",
                "/v3/users?action=changepassword",
                headers={"Authorization": f"Bearer {harvester.token}"},
                body=b'{"currentPassword": "first", "newPassword": "twelve letters"}',
            )
