"""What a certificate says: its fingerprint, the name to know it by, who vouches for it. Pure."""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from appliance.errors import StepError


def fingerprint(der: bytes) -> str:
    """Give the SHA-256 in hex."""
    return hashlib.sha256(der).hexdigest()


def as_pem(der: bytes) -> str:
    """Give a certificate in PEM. Raises StepError for what is none."""
    return _read(der).public_bytes(Encoding.PEM).decode()


def server_name(der: bytes, address: IPv4Address) -> str | None:
    """Give the name by which a strict client takes this certificate when it calls `address`.

    The address itself where the certificate has it, else the first plain DNS name in it; None
    where there is neither: such a certificate satisfies no client of Kubernetes (Go looks only at
    the subject's alternative names).
    """
    try:
        names = _read(der).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    if address in names.get_values_for_type(x509.IPAddress):
        return str(address)
    dns = [name for name in names.get_values_for_type(x509.DNSName) if not name.startswith("*")]
    return dns[0] if dns else None


def is_vouched_for(der: bytes, authorities: str) -> bool:
    """Whether one of these certificates (PEM, others than itself) has signed this one.

    So a server that renewed its certificate under its own authority is told from another server.
    """
    certificate = _read(der)
    for authority in _read_all(authorities):
        if authority == certificate:
            continue
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def _read(der: bytes) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError as error:
        raise StepError(
            "the hypervisor's certificate cannot be read",
            why=str(error),
            fix="look at what answers on the VIP's port 443",
        ) from error


def _read_all(pem: str) -> list[x509.Certificate]:
    if not pem.strip():
        return []
    try:
        return x509.load_pem_x509_certificates(pem.encode())
    except ValueError:
        return []
