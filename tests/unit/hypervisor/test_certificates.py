"""What certificates say."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from cryptography import x509

from appliance.errors import StepError
from appliance.hypervisor.certificates import as_pem, fingerprint, is_vouched_for, server_name
from tests.harvester_server import identity

VIP = IPv4Address("10.20.0.10")
NAMED = x509.IPAddress(VIP)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ((NAMED, x509.DNSName("harvester")), "10.20.0.10"),
        ((x509.IPAddress(IPv4Address("10.0.0.1")), x509.DNSName("harvester")), "harvester"),
        ((x509.DNSName("*.site"), x509.DNSName("rancher")), "rancher"),
        ((x509.DNSName("*.site"),), None),
        ((), None),
    ],
)
def test_the_name_to_call_it_by(names: tuple[x509.GeneralName, ...], expected: str | None) -> None:
    """Its address, else its first plain name, else there is none that a client would take."""
    assert server_name(identity("dynamic", *names).der, VIP) == expected


def test_its_fingerprint_and_pem() -> None:
    """As OpenSSL gives them."""
    made = identity()
    assert fingerprint(made.der) == made.fingerprint
    assert as_pem(made.der) == made.pem


def test_who_vouches_for_it() -> None:
    """Its authority; never itself, nor another of the same name."""
    authority, stranger = identity("ca", authority=True), identity("ca", authority=True)
    leaf = identity("leaf", NAMED, issuer=authority)
    assert is_vouched_for(leaf.der, leaf.pem + authority.pem)
    assert not is_vouched_for(leaf.der, leaf.pem)
    assert not is_vouched_for(leaf.der, stranger.pem)
    assert not is_vouched_for(identity().der, "")
    assert not is_vouched_for(leaf.der, "no certificate")


def test_no_certificate() -> None:
    """Said in a sentence."""
    with pytest.raises(StepError, match="cannot be read"):
        as_pem(b"noise")
