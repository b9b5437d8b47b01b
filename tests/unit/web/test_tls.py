"""The wizard's own certificate: kept while it is good, made anew when its names change."""

from __future__ import annotations

import hashlib
import ssl
import stat
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from appliance.errors import PreflightError
from appliance.web.tls import Certificate, fingerprint, names_of, own_certificate

NOW = 1_790_000_000.0
DAY = 24 * 3600
NAMES = ("192.0.2.7", "bridge", "bridge.local")


def make(folder: Path, names: tuple[str, ...] = NAMES, now: float = NOW) -> Certificate:
    """Give the certificate of a state folder."""
    return own_certificate(folder / "web.crt", folder / "web.key", names, now)


def read(made: Certificate) -> x509.Certificate:
    """Read the file."""
    return x509.load_pem_x509_certificate(made.file.read_bytes())


def test_it_is_for_its_names_and_serves_tls(tmp_path: Path) -> None:
    """Names and addresses, each as its kind; the key is nobody else's."""
    made = make(tmp_path)

    names = read(made).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [ip_address("192.0.2.7")]
    assert names.get_values_for_type(x509.DNSName) == ["bridge", "bridge.local"]
    assert stat.S_IMODE(made.key.stat().st_mode) == 0o600
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.file, made.key)


def test_the_fingerprint_is_the_one_that_a_browser_shows(tmp_path: Path) -> None:
    """SHA-256 of the DER, in pairs."""
    made = make(tmp_path)

    der = ssl.PEM_cert_to_DER_cert(made.file.read_text())
    assert made.fingerprint.replace(":", "").lower() == hashlib.sha256(der).hexdigest()
    assert made.fingerprint == fingerprint(der)
    assert made.fingerprint.count(":") == 31


def test_it_stays_while_it_is_good(tmp_path: Path) -> None:
    """Each new one has to be compared by eye: with fewer names, and later, it is the same."""
    first = make(tmp_path)

    assert make(tmp_path, NAMES[:1]) == first
    assert make(tmp_path, now=NOW + 700 * DAY) == first
    assert make(tmp_path, ("BRIDGE",)) == first


@pytest.mark.parametrize(
    "why", ["another name", "old", "not yet", "damaged", "other key", "no key"]
)
def test_it_is_made_anew_when_it_is_not(tmp_path: Path, why: str) -> None:
    """And the new one is good."""
    first = make(tmp_path)
    names: tuple[str, ...] = NAMES
    now = NOW
    if why == "another name":
        names = (*NAMES, "192.0.2.8")
    elif why in {"old", "not yet"}:
        now += 800 * DAY if why == "old" else -10 * DAY
    elif why == "damaged":
        first.file.write_text("-----BEGIN CERTIFICATE-----\n")
    elif why == "other key":
        (tmp_path / "other").mkdir()
        first.key.write_bytes(make(tmp_path / "other").key.read_bytes())
    else:
        first.key.unlink()

    second = make(tmp_path, names, now)

    assert second.fingerprint != first.fingerprint
    assert names_of(read(second)) == frozenset(names)
    assert make(tmp_path, names, now) == second


def test_no_browser_finds_it_too_long(tmp_path: Path) -> None:
    """At most 825 days (Apple's rule since 2019)."""
    certificate = read(make(tmp_path))

    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).days <= 825


def test_a_file_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Not replaced: it may be another user's."""
    (tmp_path / "web.crt").mkdir()

    with pytest.raises(PreflightError) as refused:
        make(tmp_path)

    assert refused.value.where == str(tmp_path / "web.crt")


def test_a_certificate_without_names_covers_none(tmp_path: Path) -> None:
    """One that somebody put there by hand."""
    made = make(tmp_path, ())

    assert names_of(read(made)) == frozenset()
