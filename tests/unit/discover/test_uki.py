"""Unified kernel images, of a small PE file made here."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from appliance.discover import uki
from appliance.errors import ArtifactError

AT = 0x80


def stub(headers: int = 0x400) -> bytes:
    """Write a PE32+ file with one section at address 0x4000."""
    optional = bytearray(240)
    struct.pack_into("<H", optional, 0, 0x20B)
    struct.pack_into("<II", optional, 32, 512, 512)
    struct.pack_into("<II", optional, 56, 0x5000, headers)
    coff = struct.pack("<HHIIIHH", 0x8664, 1, 0, 0, 0, len(optional), 0x206)
    text = struct.pack("<8sIIII12xI", b".text", 16, 0x4000, 512, headers, 0x60000020)
    head = bytearray(headers)
    head[:2] = b"MZ"
    struct.pack_into("<I", head, 0x3C, AT)
    body = b"PE\0\0" + coff + bytes(optional) + text
    head[AT : AT + len(body)] = body
    return bytes(head[:headers]) + b"c" * 16 + bytes(496)


PARTS = {".cmdline": b"quiet", ".linux": b"k" * 10_000, ".initrd": b"i" * 700}


def test_every_section_is_found_again() -> None:
    """The stub's own first, then ours, whole."""
    image = uki.join(stub(), PARTS)
    assert uki.sections(image) == {".text": b"c" * 16, **PARTS}


def test_nothing_overlaps_in_the_file_or_in_memory() -> None:
    """Addresses are pages of their own, and the image's size covers them."""
    image = uki.join(stub(), PARTS)
    table = AT + 24 + 240
    places = [struct.unpack_from("<8sIIII", image, table + 40 * n)[1:] for n in range(4)]
    for (_, address, size, at), (_, following, _, then) in pairwise(places):
        assert address + size <= following
        assert at + size <= then
        assert following % 4096 == 0
        assert then % 512 == 0
    (whole,) = struct.unpack_from("<I", image, AT + 24 + 56)
    assert places[-1][1] + places[-1][0] <= whole
    assert whole % 4096 == 0
    assert len(image) == places[-1][3] + places[-1][2]


def test_the_same_parts_give_the_same_octets() -> None:
    """No time and no chance goes in."""
    assert uki.join(stub(), PARTS) == uki.join(stub(), PARTS)


def test_what_is_no_stub_is_refused() -> None:
    """Too short, another format, or a header that is full."""
    for bad in (b"", b"MZ" * 40, b"\x7fELF" * 400, stub()[:AT] + b"NE\0\0" + stub()[AT + 4 :]):
        with pytest.raises(ArtifactError, match="EFI stub"):
            uki.join(bad, PARTS)
    with pytest.raises(ArtifactError) as raised:
        uki.join(stub(0x200), PARTS)
    assert "no room" in str(raised.value.why)
