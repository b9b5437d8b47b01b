"""Keys and certificates: the cluster's authorities, and what they sign.

`cryptography` is imported where something is made, not at the start: loading it takes seconds in
an emulated machine, and a second start makes nothing.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as files of a folder."""

    folder: Path
    name: str

    @property
    def certificate(self) -> Path:
        """The PEM file of the certificate."""
        return self.folder / f"{self.name}.crt"

    @property
    def key(self) -> Path:
        """The PEM file of the key, readable by its owner alone."""
        return self.folder / f"{self.name}.key"

    @property
    def exists(self) -> bool:
        """Whether both are there."""
        return self.certificate.is_file() and self.key.is_file()


def write_private(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file whole, never readable by others on the way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as opened:
        opened.write(data)
        os.fchmod(opened.fileno(), mode)
        opened.flush()
        os.fsync(opened.fileno())
    draft.rename(path)


def make_authority(pair: Pair, name: str, now: datetime) -> None:
    """Make a self-signed authority, valid for ten years from now."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes

    key = _new_key()
    whole = now.replace(microsecond=0)
    subject = _name(f"{name}@{int(whole.timestamp())}")
    public = key.public_key()
    certificate = (
        _builder(subject, subject, public, whole, 10 * _YEAR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(pair, certificate, key)


def make_leaf(
    authority: Pair, pair: Pair, name: str, organization: str = "", names: Iterable[str] = ()
) -> None:
    """Make a key and have it signed: for a server if it has names, for a client otherwise."""
    from cryptography.hazmat.primitives import serialization

    key = _new_key()
    signed = _sign(authority, key.public_key(), name, organization, tuple(names))
    _write_key(pair, key)
    write_private(pair.certificate, signed.public_bytes(serialization.Encoding.PEM), 0o644)


def make_request(pair: Pair, name: str) -> bytes:
    """Make a key, kept in `pair`, and give a signing request for it in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    key = _new_key()
    _write_key(pair, key)
    builder = x509.CertificateSigningRequestBuilder(subject_name=_name(name))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def sign_request(authority: Pair, request: bytes, name: str, organization: str) -> bytes:
    """Sign the key of a request as a client of this name. Raises ValueError if it is none."""
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    asked = x509.load_pem_x509_csr(request)
    public = asked.public_key()
    if not asked.is_signature_valid or not isinstance(public, ec.EllipticCurvePublicKey):
        raise ValueError("the signing request is not valid")
    signed = _sign(authority, public, name, organization, ())
    return signed.public_bytes(serialization.Encoding.PEM)


def names_of(certificate: bytes) -> list[str]:
    """Give the names and addresses a certificate is valid for; from PEM or DER."""
    from cryptography import x509

    is_pem = certificate.startswith(b"-----")
    load = x509.load_pem_x509_certificate if is_pem else x509.load_der_x509_certificate
    try:
        kind = x509.SubjectAlternativeName
        alternative = load(certificate).extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return []
    return [str(each.value) for each in alternative]


def valid_from(certificate: bytes) -> datetime:
    """Give the moment from which a PEM certificate is valid."""
    from cryptography import x509

    loaded = x509.load_pem_x509_certificate(certificate)
    if hasattr(loaded, "not_valid_before_utc"):
        return loaded.not_valid_before_utc
    return loaded.not_valid_before.replace(tzinfo=UTC)  # cryptography 38, Debian 12's


def _sign(
    authority: Pair,
    public: ec.EllipticCurvePublicKey,
    name: str,
    organization: str,
    names: tuple[str, ...],
) -> x509.Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    issuer_pem = authority.certificate.read_bytes()
    issuer = x509.load_pem_x509_certificate(issuer_pem)
    key = serialization.load_pem_private_key(authority.key.read_bytes(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("the authority's key is of another kind")
    # Valid from the authority's own first moment, as upstream's are (dynamiclistener): a member
    # whose clock is behind that moment is refused, a difference of seconds is not.
    begins = valid_from(issuer_pem)
    lifetime = datetime.now(UTC) - begins + _YEAR
    purpose = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = (
        _builder(_name(name, organization), issuer.subject, public, begins, lifetime)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
    )
    if names:
        builder = builder.add_extension(_alternatives(names), critical=False)
    return builder.sign(key, hashes.SHA256())


def _alternatives(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    from cryptography import x509

    found: list[x509.GeneralName] = []
    for name in dict.fromkeys(names):
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return x509.SubjectAlternativeName(found)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public: ec.EllipticCurvePublicKey,
    begins: datetime,
    lifetime: timedelta,
) -> x509.CertificateBuilder:
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + lifetime)
    )


def _name(name: str, organization: str = "") -> x509.Name:
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    parts = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if organization:
        parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def _usage(*, signs: bool) -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        key_encipherment=True,
        key_cert_sign=signs,
        crl_sign=False,
        content_commitment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _new_key() -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.asymmetric import ec

    return ec.generate_private_key(ec.SECP256R1())


def _write(pair: Pair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives import serialization

    _write_key(pair, key)
    write_private(pair.certificate, certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def _write_key(pair: Pair, key: ec.EllipticCurvePrivateKey) -> None:
    from cryptography.hazmat.primitives import serialization

    data = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    write_private(pair.key, data)
