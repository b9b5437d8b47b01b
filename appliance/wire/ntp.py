"""NTP server replies, mode 3 to mode 4 (RFC 5905; version 3 by RFC 1305).

Times are Unix seconds (UTC) as floats; eras are folded to the one nearest to the present.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Mode(IntEnum):
    """Association modes (RFC 5905, figure 10)."""

    RESERVED = 0
    SYMMETRIC_ACTIVE = 1
    SYMMETRIC_PASSIVE = 2
    CLIENT = 3
    SERVER = 4
    BROADCAST = 5
    CONTROL = 6
    PRIVATE = 7


@dataclass(frozen=True, slots=True)
class ClockQuality:
    """What the server says of its own clock. Delays and dispersion in seconds.

    The default is an undisciplined local clock: stratum 10, reference `LOCL` (RFC 5905, 7.3).
    """

    stratum: int = 10
    leap: int = 0
    reference_id: bytes = b"LOCL"
    root_delay: float = 0.0
    root_dispersion: float = 0.01
    reference_time: float = 0.0
    precision: int = -20


@dataclass(frozen=True, slots=True)
class NtpPacket:
    """One NTP header of 48 octets. Timestamps are raw 64-bit NTP values, 0 when unknown."""

    leap: int
    version: int
    mode: Mode
    stratum: int
    poll: int
    precision: int
    root_delay: int
    root_dispersion: int
    reference_id: bytes
    reference: int
    originate: int
    receive: int
    transmit: int


def to_ntp(unix: float) -> int:
    """Give the 64-bit NTP timestamp of a Unix time, era folded away."""
    raise NotImplementedError


def to_unix(stamp: int, *, near: float) -> float:
    """Give the Unix time of an NTP timestamp in the era that puts it nearest to `near`."""
    raise NotImplementedError


def decode(raw: bytes) -> NtpPacket:
    """Read one packet. Extension fields and MACs are skipped. Raises WireError, nothing else."""
    raise NotImplementedError


def encode(packet: NtpPacket) -> bytes:
    """Write the 48-octet header. Raises WireError for fields out of range."""
    raise NotImplementedError


def reply(request: bytes, *, received: float, transmit: float, clock: ClockQuality) -> bytes | None:
    """Answer a client's request; None when it is a kind that must not be answered.

    Raises WireError for a wrong length, version or mode.
    """
    raise NotImplementedError
