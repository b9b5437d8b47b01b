"""NTP requests are answered with the server's time, and nothing amplifies."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import WireError
from appliance.wire.ntp import ClockQuality, Mode, NtpPacket, decode, encode, reply, to_ntp, to_unix

NOW = 1_795_193_925.25
ERA_1 = 2_085_978_496  # 2036-02-07 06:28:16 UTC
REQUEST = NtpPacket(0, 4, Mode.CLIENT, 0, 6, -20, 0, 0, bytes(4), 0, 0, 0, 0xDEADBEEF12345678)
LOCAL = ClockQuality()


@pytest.mark.parametrize("version", [3, 4])
def test_a_client_is_answered_in_its_version(version: int) -> None:
    """Mode 4, the client's transmit time returned, both our times set."""
    request = encode(replace(REQUEST, version=version))
    raw = reply(request, received=NOW, transmit=NOW + 0.5, clock=LOCAL)
    assert raw is not None
    given_back = decode(raw)

    assert len(raw) == 48
    assert (given_back.version, given_back.mode, given_back.leap) == (version, Mode.SERVER, 0)
    assert given_back.originate == REQUEST.transmit
    assert given_back.poll == REQUEST.poll
    assert to_unix(given_back.receive, near=NOW) == NOW
    assert to_unix(given_back.transmit, near=NOW) == NOW + 0.5


def test_an_undisciplined_clock_says_so() -> None:
    """Stratum 10 and `LOCL`: any real server wins over it."""
    raw = reply(encode(REQUEST), received=NOW, transmit=NOW, clock=LOCAL)
    assert raw is not None

    assert raw[1] == 10
    assert raw[12:16] == b"LOCL"
    assert raw[16:24] == bytes(8)


def test_a_disciplined_clock_passes_its_quality_on() -> None:
    """Delays are 16.16 fixed-point seconds; stratum 16 travels as 0 (RFC 5905, 7.3)."""
    clock = ClockQuality(2, 1, b"\x0a\0\0\x01", 3.5, 1e9, NOW)
    raw = reply(encode(REQUEST), received=NOW, transmit=NOW, clock=clock)
    assert raw is not None
    said = decode(raw)

    assert (said.stratum, said.leap, said.root_delay) == (2, 1, 0x38000)
    assert said.root_dispersion == 0xFFFFFFFF
    assert to_unix(said.reference, near=NOW) == NOW
    raw = reply(encode(REQUEST), received=NOW, transmit=NOW, clock=replace(clock, stratum=16))
    assert raw is not None
    assert raw[1] == 0


def test_the_bytes_are_those_of_rfc_5905() -> None:
    """Figure 8, by hand: leap 3, version 4, mode 3."""
    raw = encode(replace(REQUEST, leap=3, stratum=1, poll=-1))

    assert raw[:4] == bytes.fromhex("e3 01 ff ec")
    assert raw[40:] == bytes.fromhex("deadbeef12345678")
    assert decode(raw) == replace(REQUEST, leap=3, stratum=1, poll=-1)


def test_extensions_and_macs_are_passed_over() -> None:
    """A signed request is answered unsigned, with no more octets than it had."""
    raw = reply(encode(REQUEST) + bytes(20), received=NOW, transmit=NOW, clock=LOCAL)
    assert raw is not None

    assert len(raw) == 48


@pytest.mark.parametrize("size", [0, 1, 47, 49, 50, 1028])
def test_wrong_lengths_are_refused(size: int) -> None:
    """A header is 48 octets; what follows comes in words."""
    with pytest.raises(WireError, match="not an NTP message"):
        decode((encode(REQUEST) + bytes(1000))[:size])


@pytest.mark.parametrize("version", [0, 1, 2, 5, 7])
def test_other_versions_are_refused(version: int) -> None:
    """Three and four are all that clients send today."""
    with pytest.raises(WireError, match="version"):
        decode(encode(replace(REQUEST, version=version)))


@pytest.mark.parametrize("mode", [Mode.RESERVED, Mode.SYMMETRIC_ACTIVE, Mode.CONTROL, Mode.PRIVATE])
def test_other_modes_are_refused(mode: Mode) -> None:
    """Control and private queries are what amplification attacks are made of."""
    with pytest.raises(WireError, match="mode"):
        reply(encode(replace(REQUEST, mode=mode)), received=NOW, transmit=NOW, clock=LOCAL)


@pytest.mark.parametrize("mode", [Mode.SERVER, Mode.BROADCAST])
def test_replies_are_not_answered(mode: Mode) -> None:
    """Two servers could else talk for ever."""
    request = encode(replace(REQUEST, mode=mode))

    assert reply(request, received=NOW, transmit=NOW, clock=LOCAL) is None


@pytest.mark.parametrize(
    "packet",
    [
        replace(REQUEST, leap=4),
        replace(REQUEST, stratum=256),
        replace(REQUEST, reference_id=bytes(5)),
    ],
)
def test_fields_out_of_range_are_refused(packet: NtpPacket) -> None:
    """Nothing is cut silently."""
    with pytest.raises(WireError, match="out of range"):
        encode(packet)


def test_the_second_era_begins_in_2036() -> None:
    """The seconds start again from zero, and are read by what is near."""
    assert to_ntp(ERA_1) == 0
    assert to_ntp(ERA_1 + 1) == 1 << 32
    assert to_ntp(-2_208_988_800) == 0
    assert to_unix(0, near=ERA_1 - 10) == ERA_1
    assert to_unix(0, near=-2_208_988_800) == -2_208_988_800
    assert to_unix((1 << 64) - (1 << 32), near=ERA_1 + 10) == ERA_1 - 1


@given(st.floats(0, 2**33), st.floats(-(2**30), 2**30))
def test_a_time_survives_in_any_era(unix: float, off: float) -> None:
    """Within 34 years of the guess, to a microsecond."""
    assert to_unix(to_ntp(unix), near=unix + off) == pytest.approx(unix, abs=2e-6)
