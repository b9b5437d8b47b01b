"""TFTP messages and option negotiation.

Sources: RFC 1350, RFC 2347 (options), RFC 2348 (blksize), RFC 2349 (timeout, tsize),
RFC 7440 (windowsize).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from appliance.errors import WireError
from appliance.wire.reader import Reader

DEFAULT_BLOCK = 512
MAX_BLOCK = 65464  # RFC 2348: what a UDP datagram over IPv4 can carry
_DATA = struct.Struct("!HH")


class Opcode(IntEnum):
    """Message kinds (RFC 1350, 5; 6 from RFC 2347)."""

    RRQ = 1
    WRQ = 2
    DATA = 3
    ACK = 4
    ERROR = 5
    OACK = 6


class ErrorCode(IntEnum):
    """Error codes (RFC 1350, appendix; 8 from RFC 2347)."""

    NOT_DEFINED = 0
    FILE_NOT_FOUND = 1
    ACCESS_VIOLATION = 2
    DISK_FULL = 3
    ILLEGAL_OPERATION = 4
    UNKNOWN_TRANSFER = 5
    FILE_EXISTS = 6
    NO_SUCH_USER = 7
    OPTION_REFUSED = 8


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """RRQ. `mode` and option names are lower-case; texts are Latin-1, so any octet survives."""

    filename: str
    mode: str = "octet"
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WriteRequest:
    """WRQ: parsed so that it can be refused by name."""

    filename: str
    mode: str = "octet"
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Data:
    """DATA. `block` is the 16-bit number on the wire."""

    block: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Ack:
    """ACK. `block` is the 16-bit number on the wire."""

    block: int


@dataclass(frozen=True, slots=True)
class Error:
    """ERROR. `code` may be outside ErrorCode."""

    code: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class OptionAck:
    """OACK. Option names are lower-case."""

    options: Mapping[str, str] = field(default_factory=dict)


Message = ReadRequest | WriteRequest | Data | Ack | Error | OptionAck


@dataclass(frozen=True, slots=True)
class Negotiated:
    """What both sides agreed on: octets, blocks, seconds, octets."""

    blksize: int = DEFAULT_BLOCK
    windowsize: int = 1
    timeout_s: int = 1
    tsize: int | None = None


def decode(raw: bytes) -> Message:
    """Read one message from a UDP payload. Raises WireError, and nothing else."""
    reader = Reader(raw, "TFTP message")
    opcode = reader.uint16()
    parse = _PARSERS.get(opcode)
    if parse is None:
        raise WireError(f"TFTP opcode {opcode} is unknown")
    return parse(reader)


def _read_request(reader: Reader) -> ReadRequest:
    return ReadRequest(*_request(reader))


def _write_request(reader: Reader) -> WriteRequest:
    return WriteRequest(*_request(reader))


def _request(reader: Reader) -> tuple[str, str, dict[str, str]]:
    filename = reader.until_nul()
    mode = reader.until_nul()
    if not filename or not mode:
        raise WireError("a TFTP request without a file name or mode")
    return filename.decode("latin-1"), mode.decode("latin-1").lower(), _options(reader)


def _options(reader: Reader) -> dict[str, str]:
    """Read name and value pairs; the first of a name counts (RFC 2347: once at most)."""
    options: dict[str, str] = {}
    while reader.remaining:
        name = reader.until_nul().decode("latin-1").lower()
        if not name and not reader.rest().strip(b"\0"):
            break  # boot ROMs pad requests with NULs
        options.setdefault(name, reader.until_nul().decode("latin-1"))
    return options


def _data(reader: Reader) -> Data:
    return Data(reader.uint16(), reader.rest())


def _ack(reader: Reader) -> Ack:
    return Ack(reader.uint16())


def _error(reader: Reader) -> Error:
    """Read an ERROR; the NUL after its text, and the text itself, are missing in the field."""
    code = reader.uint16()
    return Error(code, reader.rest().partition(b"\0")[0].decode("latin-1"))


def _option_ack(reader: Reader) -> OptionAck:
    return OptionAck(_options(reader))


_PARSERS: dict[int, Callable[[Reader], Message]] = {
    Opcode.RRQ: _read_request,
    Opcode.WRQ: _write_request,
    Opcode.DATA: _data,
    Opcode.ACK: _ack,
    Opcode.ERROR: _error,
    Opcode.OACK: _option_ack,
}


def encode(message: Message) -> bytes:
    """Write a message as a UDP payload. Raises WireError for texts or numbers that do not fit."""
    match message:
        case Data(block, payload):
            return _numbers(Opcode.DATA, block) + payload
        case Ack(block):
            return _numbers(Opcode.ACK, block)
        case Error(code, text):
            return _numbers(Opcode.ERROR, code) + _strings(text)
        case OptionAck(options):
            return bytes((0, Opcode.OACK)) + _strings(*_flat(options))
        case ReadRequest(filename, mode, options):
            return bytes((0, Opcode.RRQ)) + _strings(filename, mode, *_flat(options))
        case WriteRequest(filename, mode, options):
            return bytes((0, Opcode.WRQ)) + _strings(filename, mode, *_flat(options))


def encode_data(block: int, payload: bytes) -> bytes:
    """Write a DATA message: the hot path, without an object. `block` is taken modulo 65536."""
    return _DATA.pack(Opcode.DATA, block & 0xFFFF) + payload


def _numbers(opcode: Opcode, number: int) -> bytes:
    if not 0 <= number <= 0xFFFF:
        raise WireError(f"{number} does not fit in a TFTP message", why="16 bits")
    return _DATA.pack(opcode, number)


def _flat(options: Mapping[str, str]) -> list[str]:
    return [text for pair in options.items() for text in pair]


def _strings(*texts: str) -> bytes:
    for text in texts:
        if "\0" in text or not all(ord(letter) < 256 for letter in text):
            raise WireError("a TFTP text must be Latin-1 without NUL", where=repr(text))
    return b"".join(text.encode("latin-1") + b"\0" for text in texts)


def negotiate(
    request: ReadRequest, *, size: int, max_block: int, max_window: int
) -> tuple[Negotiated, OptionAck | None]:
    """Decide the options of a transfer of `size` octets.

    Only what the client asked for is acknowledged (RFC 2347); `max_block` and `max_window` clamp.
    An unknown option, or a value outside its RFC's range, is left out as if never asked.
    """
    asked = request.options
    acknowledged: dict[str, str] = {}
    blksize, windowsize, timeout_s, tsize = DEFAULT_BLOCK, 1, 1, None
    for name in asked:
        if name == "blksize" and (value := _within(asked[name], 8, MAX_BLOCK)):
            blksize = min(value, max_block)
            acknowledged[name] = str(blksize)
        elif name == "windowsize" and (value := _within(asked[name], 1, 65535)):
            windowsize = min(value, max_window)
            acknowledged[name] = str(windowsize)
        elif name == "timeout" and (value := _within(asked[name], 1, 255)):
            timeout_s = value
            acknowledged[name] = str(value)
        elif name == "tsize" and _within(asked[name], 0, 2**63) is not None:
            tsize = size
            acknowledged[name] = str(size)
    agreed = Negotiated(blksize, windowsize, timeout_s, tsize)
    return agreed, OptionAck(acknowledged) if acknowledged else None


def _within(text: str, low: int, high: int) -> int | None:
    """Read a decimal option value; None when it is none or out of range."""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        return None
    value = int(text)
    return value if low <= value <= high else None
