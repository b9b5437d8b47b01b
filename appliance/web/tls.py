"""The certificate that the wizard makes for itself: no authority reaches a site without Internet.

Whoever opens the page compares its SHA-256 fingerprint with the one on the laptop's screen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from appliance import advice
from appliance.errors import PreflightError
from appliance.tools.private_file import write_private

LIFE = timedelta(days=820)
"""Apple's browsers refuse a server's certificate that holds longer than 825 days."""
EARLY = timedelta(days=2)
RENEWED_BEFORE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its key, in PEM files."""

    file: Path
    key: Path
    fingerprint: str


def own_certificate(file: Path, key: Path, names: Iterable[str], now: float) -> Certificate:
    """Give the kept certificate, or a new one where none is good for these names at Unix `now`.

    It stays while it covers the names, so that a browser trusts it but once. Raises PreflightError.
    """
    wanted = frozenset(name.lower() for name in names)
    moment = datetime.fromtimestamp(now, UTC)
    kept = _kept(file, key)
    if kept is None or not _is_good(kept, wanted, moment):
        kept = _make(file, key, wanted, moment)
    return Certificate(file, key, fingerprint(kept.public_bytes(Encoding.DER)))


def fingerprint(der: bytes) -> str:
    """Give the SHA-256 of a certificate as browsers show it: `AB:CD:…`, 32 pairs."""
    return hashlib.sha256(der).digest().hex(":").upper()


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """Give the names and addresses that a certificate is for."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = found.get_values_for_type(x509.IPAddress)
    return frozenset((*found.get_values_for_type(x509.DNSName), *map(str, addresses)))


def _kept(file: Path, key: Path) -> x509.Certificate | None:
    try:
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PreflightError(
            "the wizard's certificate cannot be read",
            where=str(error.filename),
            why=str(error),
            fix=advice.wizards_state(),
        ) from error
    except (ValueError, TypeError):  # damaged: another is made
        return None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    same = private.public_key().public_bytes(*form) == certificate.public_key().public_bytes(*form)
    return certificate if same else None


def _is_good(certificate: x509.Certificate, names: frozenset[str], now: datetime) -> bool:
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return names <= names_of(certificate) and begins <= now < ends - RENEWED_BEFORE


def _make(file: Path, key: Path, names: frozenset[str], now: datetime) -> x509.Certificate:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "bridgehead")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLY)
        .not_valid_after(now + LIFE)
        .add_extension(x509.SubjectAlternativeName(_general_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, SHA256())
    )
    form = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    # A kill between the two leaves a key of another certificate: then both are made anew.
    write_private(key, private.private_bytes(*form))
    write_private(file, certificate.public_bytes(Encoding.PEM))
    return certificate


def _general_names(names: frozenset[str]) -> list[x509.GeneralName]:
    return [_general_name(name) for name in sorted(names)]


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)
