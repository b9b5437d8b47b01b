"""TFTP messages and option negotiation.

Sources: RFC 1350, RFC 2347 (options), RFC 2348 (blksize), RFC 2349 (timeout, tsize),
RFC 7440 (windowsize).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

DEFAULT_BLOCK = 512


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
    raise NotImplementedError


def encode(message: Message) -> bytes:
    """Write a message as a UDP payload. Raises WireError for texts or numbers that do not fit."""
    raise NotImplementedError


def encode_data(block: int, payload: bytes) -> bytes:
    """Write a DATA message: the hot path, without an object. `block` is taken modulo 65536."""
    raise NotImplementedError


def negotiate(
    request: ReadRequest, *, size: int, max_block: int, max_window: int
) -> tuple[Negotiated, OptionAck | None]:
    """Decide the options of a transfer of `size` octets.

    Only what the client asked for is acknowledged (RFC 2347); `max_block` and `max_window` clamp.
    An unknown option, or a value outside its RFC's range, is left out as if never asked.
    """
    raise NotImplementedError
