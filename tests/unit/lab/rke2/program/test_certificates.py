"""Authorities and what they sign, held against OpenSSL by real handshakes elsewhere."""

from __future__ import annotations

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from appliance.lab.rke2.program import certificates
from appliance.lab.rke2.program.certificates import Pair

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Pair:
    """An authority of that day."""
    pair = Pair(tmp_path, "server-ca")
    certificates.make_authority(pair, "rke2-server-ca", NOW)
    return pair


def load(pair: Pair) -> x509.Certificate:
    """Read a pair's certificate."""
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def test_an_authority_is_one(authority: Pair) -> None:
    """Named with its moment, valid for ten years, its key for its owner alone."""
    found = load(authority)

    assert found.subject.rfc4514_string() == f"CN=rke2-server-ca@{int(NOW.timestamp())}"
    assert certificates.valid_from(authority.certificate.read_bytes()) == NOW
    assert found.not_valid_after_utc - NOW > timedelta(days=3640)
    assert stat.S_IMODE(authority.key.stat().st_mode) == 0o600
    assert authority.exists


def test_a_leaf_is_valid_from_the_authority_s_first_moment(authority: Pair, tmp_path: Path) -> None:
    """So that a clock that is a little behind does not matter, and one far behind does."""
    pair = Pair(tmp_path, "serving")
    certificates.make_leaf(authority, pair, "kube-apiserver", names=["a.test", "127.0.0.1", "::1"])
    found = load(pair)

    found.verify_directly_issued_by(load(authority))
    assert certificates.valid_from(pair.certificate.read_bytes()) == NOW
    assert found.not_valid_after_utc > datetime.now(UTC) + timedelta(days=300)
    assert certificates.names_of(pair.certificate.read_bytes()) == ["a.test", "127.0.0.1", "::1"]


def test_a_request_is_signed_under_the_name_that_was_proven(
    authority: Pair, tmp_path: Path
) -> None:
    """Whatever name the request itself carries."""
    request = certificates.make_request(Pair(tmp_path, "kubelet"), "system:admin")
    signed = x509.load_pem_x509_certificate(
        certificates.sign_request(authority, request, "system:node:w1", "system:nodes")
    )

    assert signed.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == "system:node:w1"
    assert certificates.names_of(signed.public_bytes(Encoding.DER)) == []


def test_what_is_no_request_is_refused(authority: Pair) -> None:
    """With the error that the supervisor answers to."""
    with pytest.raises(ValueError, match=r"Unable to load|PEM"):
        certificates.sign_request(authority, b"nothing", "a", "b")


def test_a_file_is_written_whole(tmp_path: Path) -> None:
    """With its mode; what stood there is replaced."""
    path = tmp_path / "below" / "file"
    certificates.write_private(path, b"one")
    certificates.write_private(path, b"two", 0o644)

    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert list(path.parent.iterdir()) == [path]
