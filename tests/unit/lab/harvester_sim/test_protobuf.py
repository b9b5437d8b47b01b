"""Protobuf as typed Go clients send it, put together by hand from the published field numbers."""

from __future__ import annotations

import base64

import pytest

from appliance.lab.harvester_sim.protobuf import decode
from appliance.lab.harvester_sim.refusals import RefusedError


def field(number: int, content: bytes) -> bytes:
    """Give a field of octets."""
    return bytes([number << 3 | 2, len(content)]) + content


def envelope(kind: str, raw: bytes) -> bytes:
    """Give an object as it travels (runtime.Unknown)."""
    types = field(1, b"v1") + field(2, kind.encode())
    return b"k8s\x00" + field(1, types) + field(2, raw)


def test_a_secret_is_read() -> None:
    """Metadata, data in base64, stringData as text, and what is not known is passed over."""
    meta = field(1, b"one") + field(3, b"default") + field(11, field(1, b"l") + field(2, b"v"))
    meta += bytes([7 << 3, 0]) + field(8, b"")  # generation 0, no creation time
    raw = field(1, meta) + field(2, field(1, b"k") + field(2, b"\xff\x00")) + field(3, b"Opaque")
    raw += field(4, field(1, b"userdata") + field(2, b"#cloud-config\n")) + bytes([5 << 3, 1])
    assert decode(envelope("Secret", raw)) == {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "one", "namespace": "default", "labels": {"l": "v"}},
        "data": {"k": base64.b64encode(b"\xff\x00").decode()},
        "stringData": {"userdata": "#cloud-config\n"},
        "type": "Opaque",
        "immutable": True,
    }


def test_a_claim_is_read() -> None:
    """Its size is a quantity, a message of its own."""
    requests = field(2, field(1, b"storage") + field(2, field(1, b"10Gi")))
    spec = (
        field(1, b"ReadWriteMany") + field(2, requests) + field(5, b"longhorn") + field(6, b"Block")
    )
    raw = field(1, field(1, b"data")) + field(2, spec)
    assert decode(envelope("PersistentVolumeClaim", raw))["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "10Gi"}},
        "storageClassName": "longhorn",
        "volumeMode": "Block",
    }


def test_a_long_field_has_a_length_of_two_octets() -> None:
    """Lengths are varints."""
    text = b"x" * 300
    entry = field(1, b"k") + bytes([2 << 3 | 2, 0xAC, 0x02]) + text
    raw = bytes([2 << 3 | 2, 0x80 | len(entry) & 0x7F, len(entry) >> 7]) + entry
    whole = bytes([2 << 3 | 2, 0x80 | len(raw) & 0x7F, len(raw) >> 7]) + raw
    types = field(1, field(1, b"v1") + field(2, b"ConfigMap"))
    assert decode(b"k8s\x00" + types + whole)["data"] == {"k": text.decode()}


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"k8s\x00",
        b"k8s\x00\x0a\xff",
        envelope("Deployment", b""),
        envelope("Secret", b"\x0a\x7f"),
        envelope("Secret", b"\x0b"),
        envelope("Secret", field(1, field(1, b"\xff"))),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes) -> None:
    """400, never a fault of the server's."""
    with pytest.raises(RefusedError) as caught:
        decode(body)
    assert caught.value.code == 400
