"""Options keep their order, read typed, and the odd ones of PXE and iPXE are understood."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest

from appliance.errors import WireError
from appliance.wire.dhcp4_options import (
    IpxeOption,
    OptionCode,
    Options,
    PxeOption,
    RelayOption,
    decode_suboptions,
    encode_suboptions,
    ipxe_features,
    ipxe_version,
    of_address,
    of_addresses,
    of_text,
    of_uint8,
    of_uint16,
    of_uint32,
    pxe_boot_from_offer,
    user_classes,
)

# Option 175 of the iPXE in tests/captures/bios-ipxe-rom.pcap.
IPXE_ROM = bytes.fromhex(
    "b105011af41000 eb03010000 170101 220101 130101 110101 270101"
    "190101 290101 100102 210101 150101 180101 120101"
)


def test_options_are_an_immutable_mapping_in_order() -> None:
    """A changed copy keeps the place of what it replaces; the original stays as it was."""
    options = Options([(60, b"PXEClient"), (43, b"\xff")])
    changed = options.with_(OptionCode.VENDOR_CLASS, b"HTTPClient").with_(1, b"\0\0\0\0")

    assert list(changed) == [60, 43, 1]
    assert changed[60] == b"HTTPClient"
    assert options[60] == b"PXEClient"
    assert list(changed.without(43, 1)) == [60]
    assert options == {60: b"PXEClient", 43: b"\xff"}
    assert hash(options) == hash(Options([(43, b"\xff"), (60, b"PXEClient")]))
    assert repr(Options({1: b"a"})) == "Options({1: b'a'})"
    with pytest.raises(TypeError):
        options[60] = b""  # type: ignore[index]


def test_typed_values_survive_writing_and_reading() -> None:
    """Each constructor is the inverse of its getter."""
    first, second = IPv4Address("10.20.0.1"), IPv4Address("10.20.0.2")
    options = Options(
        {
            3: of_address(first),
            6: of_addresses([first, second]),
            23: of_uint8(64),
            57: of_uint16(1472),
            51: of_uint32(3600),
            12: of_text("hv1"),
        }
    )

    assert options.address(OptionCode.ROUTER) == first
    assert options.addresses(OptionCode.DNS_SERVER) == (first, second)
    assert options.uint8(23) == 64
    assert options.uint16(OptionCode.MAX_MESSAGE_SIZE) == 1472
    assert options.uint32(OptionCode.LEASE_TIME) == 3600
    assert options.text(OptionCode.HOST_NAME) == "hv1"


def test_an_absent_option_is_none() -> None:
    """Absence is an answer, not an error."""
    none = Options()

    assert none.address(3) is None
    assert none.addresses(6) is None
    assert none.uint8(23) is None
    assert none.uint16(57) is None
    assert none.uint32(51) is None
    assert none.text(12) is None


@pytest.mark.parametrize("value", [b"", b"\x01\x02\x03", b"\x01\x02\x03\x04\x05"])
def test_a_wrong_length_is_refused(value: bytes) -> None:
    """A number of three octets is no number of RFC 2132."""
    options = Options({9: value})

    for read in (options.address, options.addresses, options.uint8, options.uint16, options.uint32):
        with pytest.raises(WireError, match="option 9 holds"):
            read(9)


def test_text_is_fit_for_a_log() -> None:
    """Texts of dnsmasq end with a NUL; hostile ones hold escapes for terminals."""
    options = Options({67: b"snponly.efi\0", 12: b"a\x1b[2Jb\xff"})

    assert options.text(67) == "snponly.efi"
    assert options.text(12) == "a\\x1b[2Jb\\xff"


@pytest.mark.parametrize("text", ["naïve", "a\0b"])
def test_what_dhcp_cannot_carry_as_text_is_refused(text: str) -> None:
    """Our own texts are ASCII."""
    with pytest.raises(WireError):
        of_text(text)


def test_numbers_that_do_not_fit_are_refused() -> None:
    """A lease of more than 2^32 - 1 seconds is a mistake in the caller."""
    assert (of_uint8(0), of_uint16(65535), of_uint32(0)) == (b"\0", b"\xff\xff", bytes(4))
    for write, value in ((of_uint8, 256), (of_uint16, 65536), (of_uint32, 2**32), (of_uint8, -1)):
        with pytest.raises(WireError, match="does not fit"):
            write(value)


def test_boot_from_offer_is_what_ovmf_wants() -> None:
    """Row 1: option 43 with sub-option 6 = 8 makes UEFI boot from the offer, without port 4011."""
    assert pxe_boot_from_offer() == bytes.fromhex("06 01 08 ff")
    assert decode_suboptions(pxe_boot_from_offer()) == {PxeOption.DISCOVERY_CONTROL: b"\x08"}


def test_suboptions_honour_pads_and_end() -> None:
    """What follows END is padding."""
    assert decode_suboptions(bytes.fromhex("00 0601 08 00 ff 99")) == {6: b"\x08"}


def test_relay_suboptions_know_no_pads_and_no_end() -> None:
    """RFC 3046, 2.0: in option 82 the codes 0 and 255 mean nothing special."""
    raw = encode_suboptions({RelayOption.CIRCUIT_ID: b"ge-0/0/1", 0: b"z", 255: b"e"}, end=False)

    assert decode_suboptions(raw, marks=False) == {1: b"ge-0/0/1", 0: b"z", 255: b"e"}


@pytest.mark.parametrize("raw", [b"\x06", b"\x06\x02\x08", b"\x06\x01\x08\x09\xff"])
def test_a_suboption_past_the_end_is_refused(raw: bytes) -> None:
    """Nothing is read outside the option."""
    with pytest.raises(WireError, match="runs past the end"):
        decode_suboptions(raw)


def test_a_suboption_has_255_octets_at_most() -> None:
    """Sub-options are not split: no firmware joins them."""
    assert len(encode_suboptions({1: bytes(255)})) == 258
    with pytest.raises(WireError):
        encode_suboptions({1: bytes(256)})


@pytest.mark.parametrize(
    ("raw", "classes"),
    [
        (b"iPXE", ("iPXE",)),
        (b"\x04iPXE", ("iPXE",)),
        (b"\x04iPXE\x03lab", ("iPXE", "lab")),
        (b"iPXE\0", ("iPXE",)),
        (b"\x09iPXE", ("\\x09iPXE",)),
        (b"\x04iPXE\x00", ("\\x04iPXE",)),
        (b"", ()),
    ],
)
def test_user_classes_are_read_liberally(raw: bytes, classes: tuple[str, ...]) -> None:
    """RFC 3004, iPXE's bare text, and malformed lists that some UEFI sends; none is an error."""
    assert user_classes(raw) == classes


def test_ipxe_announces_features_and_version() -> None:
    """Option 175 of a real boot ROM; the card's bus id is no feature."""
    features = ipxe_features(IPXE_ROM)

    assert {IpxeOption.HTTP, IpxeOption.PXE, IpxeOption.BZIMAGE, IpxeOption.MENU} <= features
    assert IpxeOption.HTTPS not in features
    assert IpxeOption.BUS_ID not in features
    assert ipxe_version(IPXE_ROM) == (1, 0, 0)
    assert ipxe_version(bytes.fromhex("eb03021501")) == (2, 21, 1)


def test_an_ipxe_feature_set_to_zero_is_off() -> None:
    """The value counts, not only the code; a version of another length is none."""
    assert ipxe_features(bytes((IpxeOption.HTTP, 1, 0))) == frozenset()
    assert ipxe_version(b"\xeb\x01\x02") is None
    assert ipxe_version(b"") is None
