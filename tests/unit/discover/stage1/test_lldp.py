"""LLDP frames."""

from __future__ import annotations

import random

import pytest

from appliance.discover.stage1 import lldp


def element(kind: int, value: bytes) -> bytes:
    """Write a TLV."""
    return (kind << 9 | len(value)).to_bytes(2, "big") + value


HEADER = lldp.ADDRESS + bytes.fromhex("00259034f1aa") + b"\x88\xcc"
CHASSIS = element(1, b"\x04" + bytes.fromhex("00259034f1a0"))
PORT = element(2, b"\x05ge-0/0/12")
TTL = element(3, b"\0\x78")
FRAME = HEADER + CHASSIS + PORT + TTL + element(4, b"to rack 3") + element(5, b"sw1") + b"\0\0"


def test_a_switch_port() -> None:
    """Who, which port, the switch's name, the port's description."""
    assert lldp.decode(FRAME) == {
        "chassis": "00:25:90:34:f1:a0",
        "port": "ge-0/0/12",
        "system": "sw1",
        "description": "to rack 3",
    }


def test_other_kinds_of_identity() -> None:
    """A chassis by its IPv4 address, a port by its MAC, the system's text for want of another."""
    frame = (
        HEADER
        + element(1, b"\x05\x01\x0a\x4d\x00\x02")
        + element(2, b"\x03" + bytes.fromhex("00259034f1a7"))
        + element(6, b"Some OS 1.2\r\nbuilt yesterday")
    )
    found = lldp.decode(frame + b"\0" * 30)
    assert found is not None
    assert (found["chassis"], found["port"]) == ("10.77.0.2", "00:25:90:34:f1:a7")
    assert found["description"] == "Some OS 1.2  built yesterday"


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        FRAME[:13],
        FRAME[:12] + b"\x08\x00" + FRAME[14:],
        HEADER + PORT + TTL,
        HEADER + CHASSIS + TTL,
        HEADER + element(1, b"\x04abc") + PORT,
        HEADER + b"\x03\xff",
    ],
)
def test_what_is_none(frame: bytes) -> None:
    """Another protocol, a frame cut, one without its identities."""
    assert lldp.decode(frame) is None


def test_garbage_is_never_an_exception() -> None:
    """Anyone on the wire may send anything."""
    chance = random.Random(4)
    for _ in range(20000):
        frame = bytearray(FRAME[: chance.randrange(len(FRAME) + 1)])
        for _ in range(min(4, len(frame))):
            frame[chance.randrange(len(frame))] = chance.randrange(256)
        lldp.decode(bytes(frame))
        lldp.decode(HEADER + chance.randbytes(chance.randrange(80)))
