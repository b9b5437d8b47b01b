"""The bounded reader never reads past the end, and says where it stopped."""

from __future__ import annotations

import pytest

from appliance.errors import WireError
from appliance.wire.reader import Reader


def test_fields_are_read_in_order_and_big_endian() -> None:
    """Numbers, a string and the rest come out one after the other."""
    reader = Reader(bytes.fromhex("01 0203 04050607 08090a0b0c0d0e0f 6869 00 ff ee"))

    assert reader.uint8() == 1
    assert reader.uint16() == 0x0203
    assert reader.uint32() == 0x04050607
    assert reader.uint64() == 0x08090A0B0C0D0E0F
    assert reader.until_nul() == b"hi"
    assert reader.remaining == 2
    assert reader.rest() == b"\xff\xee"
    assert reader.rest() == b""


@pytest.mark.parametrize("count", [4, 1000, -1])
def test_a_read_past_the_end_is_refused_and_moves_nothing(count: int) -> None:
    """The error names the octet; what was there can still be read."""
    reader = Reader(b"abcd", "probe")
    reader.skip(1)

    with pytest.raises(WireError, match="octet 1: probe is cut short"):
        reader.take(count)
    assert reader.rest() == b"bcd"


def test_a_string_without_its_nul_is_refused() -> None:
    """TFTP's strings end by a NUL inside the message."""
    with pytest.raises(WireError, match="without its end"):
        Reader(b"abc").until_nul()


def test_a_nested_part_must_be_read_exactly() -> None:
    """Inside `restrict_to` the end is nearer, and nothing may be left over."""
    reader = Reader(b"\x01\x02\x03\x04")
    with reader.restrict_to(2):
        assert reader.uint16() == 0x0102
        with pytest.raises(WireError):
            reader.uint8()
    assert reader.remaining == 2
    with pytest.raises(WireError, match="nobody read"), reader.restrict_to(2):
        reader.uint8()
    with pytest.raises(WireError, match="cut short"), reader.restrict_to(2):
        pass
