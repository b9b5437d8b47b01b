"""TFTP messages are read liberally and written strictly; options are granted as the RFCs say."""

from __future__ import annotations

import pytest

from appliance.errors import WireError
from appliance.wire.tftp import (
    Ack,
    Data,
    Error,
    ErrorCode,
    Message,
    Negotiated,
    OptionAck,
    ReadRequest,
    WriteRequest,
    decode,
    encode,
    encode_data,
    negotiate,
)

SIZE = 173792


@pytest.mark.parametrize(
    ("message", "raw"),
    [
        (ReadRequest("a.efi"), b"\0\x01a.efi\0octet\0"),
        (ReadRequest("a", "octet", {"tsize": "0"}), b"\0\x01a\0octet\0tsize\x000\0"),
        (WriteRequest("a", "netascii"), b"\0\x02a\0netascii\0"),
        (Data(65535, b"xyz"), b"\0\x03\xff\xffxyz"),
        (Data(1, b""), b"\0\x03\0\x01"),
        (Ack(0), b"\0\x04\0\0"),
        (Error(ErrorCode.FILE_NOT_FOUND, "no"), b"\0\x05\0\x01no\0"),
        (
            OptionAck({"blksize": "1468", "windowsize": "4"}),
            b"\0\x06blksize\x001468\0windowsize\x004\0",
        ),
    ],
)
def test_each_message_has_its_bytes(message: Message, raw: bytes) -> None:
    """Both ways, against octets written by hand from RFC 1350 and RFC 2347."""
    assert encode(message) == raw
    assert decode(raw) == message


def test_modes_and_option_names_are_case_blind() -> None:
    """RFC 1350, 4 and RFC 2347; PXE ROMs write `OCTET`. File names keep their case."""
    raw = b"\0\x01Boot.EFI\0OCTET\0BLKSIZE\x001468\0"

    assert decode(raw) == ReadRequest("Boot.EFI", "octet", {"blksize": "1468"})


def test_any_octet_in_a_name_survives() -> None:
    """A name that is not ASCII ended tftpy's server; here it is a name nobody has."""
    request = decode(b"\0\x01\xff\xfe\x80\0octet\0")

    assert request == ReadRequest("\xff\xfe\x80")
    assert encode(request) == b"\0\x01\xff\xfe\x80\0octet\0"


def test_padding_after_a_request_is_ignored() -> None:
    """Some boot ROMs send a datagram of fixed size."""
    assert decode(b"\0\x01a\0octet\0" + bytes(30)) == ReadRequest("a")


def test_the_first_of_a_repeated_option_counts() -> None:
    """RFC 2347: an option is given once at most."""
    request = decode(b"\0\x01a\0octet\0blksize\x00512\0blksize\x001024\0")

    assert request == ReadRequest("a", "octet", {"blksize": "512"})


def test_an_error_without_text_or_nul_is_read() -> None:
    """Clients abort sloppily."""
    assert decode(b"\0\x05\0\x08") == Error(8, "")
    assert decode(b"\0\x05\0\x63oops") == Error(99, "oops")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0",
        b"\0\0",
        b"\0\x07",
        b"\0\x01",
        b"\0\x01a",
        b"\0\x01a\0",
        b"\0\x01a\0octet",
        b"\0\x01\0octet\0",
        b"\0\x01a\0\0",
        b"\0\x01a\0octet\0blksize",
        b"\0\x01a\0octet\0blksize\0",
        b"\0\x01a\0octet\0blksize\x00512",
        b"\0\x01a\0octet\0\0x\0",
        b"\0\x03\0",
        b"\0\x04\0",
        b"\0\x05\0",
    ],
)
def test_what_is_cut_or_unknown_is_refused(raw: bytes) -> None:
    """Each of these datagrams is a WireError, where several ended tftpy's server."""
    with pytest.raises(WireError):
        decode(raw)


@pytest.mark.parametrize(
    "message",
    [
        Ack(65536),
        Data(-1, b""),
        Error(0, "a\0b"),
        ReadRequest("€"),
        ReadRequest("Ā"),
        OptionAck({"a": "\0"}),
    ],
)
def test_what_tftp_cannot_carry_is_not_written(message: Message) -> None:
    """Numbers of 16 bits, texts without NUL."""
    with pytest.raises(WireError):
        encode(message)


def test_the_fast_path_writes_the_same_data() -> None:
    """Block numbers roll over there, because the sender counts on."""
    assert encode_data(7, b"abc") == encode(Data(7, b"abc"))
    assert encode_data(65536, b"") == encode(Data(0, b""))


def granted(
    options: dict[str, str], *, max_block: int = 1468, max_window: int = 16
) -> tuple[Negotiated, OptionAck | None]:
    """Negotiate a read of the file in the captures."""
    request = ReadRequest("snponly.efi", "octet", options)
    return negotiate(request, size=SIZE, max_block=max_block, max_window=max_window)


def test_edk2s_probe_and_request_are_granted() -> None:
    """Row 7: first `tsize` with all others, then blocks of 1468 in windows of 4."""
    probe = {"tsize": "0", "blksize": "1468", "windowsize": "4"}
    agreed, oack = granted(probe)

    assert agreed == Negotiated(1468, 4, 1, SIZE)
    assert oack == OptionAck({"tsize": "173792", "blksize": "1468", "windowsize": "4"})

    agreed, oack = granted({"blksize": "1468", "windowsize": "4"})
    assert agreed == Negotiated(1468, 4, 1, None)
    assert oack == OptionAck({"blksize": "1468", "windowsize": "4"})


def test_nothing_asked_is_nothing_acknowledged() -> None:
    """A plain RFC 1350 client gets DATA at once; unknown options change nothing (RFC 2347)."""
    assert granted({}) == (Negotiated(), None)
    assert granted({"multicast": "", "x": "1"}) == (Negotiated(), None)


def test_only_what_was_asked_is_acknowledged() -> None:
    """With `tsize` alone there is no `blksize` in the answer, which some EFI clients refuse."""
    assert granted({"tsize": "0"}) == (Negotiated(tsize=SIZE), OptionAck({"tsize": "173792"}))


def test_large_wishes_are_clamped() -> None:
    """RFC 2348 and RFC 7440 allow the server to answer with less."""
    agreed, oack = granted({"blksize": "65464", "windowsize": "65535"})

    assert agreed == Negotiated(1468, 16)
    assert oack == OptionAck({"blksize": "1468", "windowsize": "16"})


def test_a_window_of_one_is_granted_as_asked() -> None:
    """It changes nothing, but the client asked (RFC 7440, 3)."""
    assert granted({"windowsize": "1"}) == (Negotiated(), OptionAck({"windowsize": "1"}))


def test_a_timeout_is_granted_as_it_is() -> None:
    """RFC 2349: the same number or none."""
    assert granted({"timeout": "5"}) == (Negotiated(timeout_s=5), OptionAck({"timeout": "5"}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("blksize", v) for v in ("7", "65465", "65536", "abc", "", "-512", "5e2", " 512", "²")),
        *(("windowsize", v) for v in ("0", "65536", "four", "9" * 400)),
        *(("timeout", v) for v in ("0", "256", "1.5")),
        *(("tsize", v) for v in ("", "-1", "x")),
    ],
)
def test_a_bad_value_is_left_out(name: str, value: str) -> None:
    """As if never asked; the other options stand."""
    assert granted({name: value}) == (Negotiated(), None)
    agreed, oack = granted(
        {name: value, "x" + name: "1"} | ({"tsize": "0"} if name != "tsize" else {})
    )
    assert agreed.blksize == 512
    assert name not in (oack.options if oack else {})


@pytest.mark.parametrize("value", ["8", "512", "1432"])
def test_smaller_blocks_are_granted_exactly(value: str) -> None:
    """The number of iPXE is 1432; 8 is the least RFC 2348 allows."""
    assert granted({"blksize": value})[0].blksize == int(value)
