"""NTP server replies, mode 3 to mode 4 (RFC 5905; version 3 by RFC 1305).

Times are Unix seconds (UTC) as floats; eras are folded to the one nearest to the present.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from enum import IntEnum

from appliance.errors import WireError

_HEADER = struct.Struct("!BBbbII4sQQQQ")
_TO_1900 = 2_208_988_800  # seconds from 1900 to 1970
_ERA = 1 << 32
_STAMP_MASK = (1 << 64) - 1
_LONGEST = 1024  # header, extension fields and MAC; real requests stay far below
_UNSYNCHRONISED = 16


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
    whole = math.floor(unix)
    fraction = round((unix - whole) * _ERA)
    return (((whole + _TO_1900) << 32) + fraction) & _STAMP_MASK


def to_unix(stamp: int, *, near: float) -> float:
    """Give the Unix time of an NTP timestamp in the era that puts it nearest to `near`."""
    unix = stamp / _ERA - _TO_1900
    return unix + _ERA * round((near - unix) / _ERA)


def decode(raw: bytes) -> NtpPacket:
    """Read one packet. Extension fields and MACs are skipped. Raises WireError, nothing else."""
    if not _HEADER.size <= len(raw) <= _LONGEST or len(raw) % 4:
        raise WireError("not an NTP message", why=f"{len(raw)} octets")
    first, *rest = _HEADER.unpack_from(raw)
    version = first >> 3 & 7
    if version not in (3, 4):
        raise WireError(f"NTP version {version} is not spoken here", fix="use version 3 or 4")
    return NtpPacket(first >> 6, version, Mode(first & 7), *rest)


def encode(packet: NtpPacket) -> bytes:
    """Write the 48-octet header. Raises WireError for fields out of range."""
    if not (0 <= packet.leap <= 3 and 0 <= packet.version <= 7 and len(packet.reference_id) <= 4):
        raise WireError("an NTP field is out of range", why="leap, version or reference id")
    try:
        return _HEADER.pack(
            packet.leap << 6 | packet.version << 3 | packet.mode,
            packet.stratum,
            packet.poll,
            packet.precision,
            packet.root_delay,
            packet.root_dispersion,
            packet.reference_id,
            packet.reference,
            packet.originate,
            packet.receive,
            packet.transmit,
        )
    except struct.error as fault:
        raise WireError("an NTP field is out of range", why=str(fault)) from fault


def reply(request: bytes, *, received: float, transmit: float, clock: ClockQuality) -> bytes | None:
    """Answer a client's request with 48 octets, never more than came in.

    None for replies and broadcasts of other servers, which need no answer. Raises WireError for
    a wrong length or version, and for modes this server does not speak: control and private ones
    are what amplifies attacks.
    """
    asked = decode(request)
    if asked.mode in (Mode.SERVER, Mode.BROADCAST):
        return None
    if asked.mode is not Mode.CLIENT:
        raise WireError(f"NTP mode {asked.mode.value} is not spoken here", fix="ask in mode 3")
    return encode(
        NtpPacket(
            leap=clock.leap,
            version=asked.version,
            mode=Mode.SERVER,
            stratum=0 if clock.stratum >= _UNSYNCHRONISED else clock.stratum,
            poll=asked.poll,
            precision=clock.precision,
            root_delay=_short(clock.root_delay),
            root_dispersion=_short(clock.root_dispersion),
            reference_id=clock.reference_id,
            reference=to_ntp(clock.reference_time) if clock.reference_time else 0,
            originate=asked.transmit,
            receive=to_ntp(received),
            transmit=to_ntp(transmit),
        )
    )


def _short(seconds: float) -> int:
    """Give the 16.16 fixed-point form of a duration, held within its range."""
    return min(max(round(seconds * 65536), 0), 0xFFFFFFFF)
