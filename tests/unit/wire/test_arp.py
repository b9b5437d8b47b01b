"""ARP frames: built as RFC 5227 wants them, read without surprise."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire import arp

OWN, OTHER = Mac("525400000001"), Mac("525400000002")
TARGET = IPv4Address("10.20.0.100")


def test_probe_claims_no_address() -> None:
    """A probe is broadcast, its sender address is 0.0.0.0, and it fills an Ethernet frame."""
    frame = arp.probe(OWN, TARGET)
    assert len(frame) == 60
    assert frame[:6] == b"\xff" * 6
    message = arp.decode(frame)
    assert message.operation is arp.Operation.REQUEST
    assert message.sender == IPv4Address(0)
    assert (message.sender_mac, message.target) == (OWN, TARGET)


def test_probe_is_read_by_scapy() -> None:
    """An independent reader sees the same."""
    layers = pytest.importorskip("scapy.layers.l2")
    packet = layers.Ether(arp.probe(OWN, TARGET))[layers.ARP]
    assert (packet.op, packet.psrc, packet.pdst) == (1, "0.0.0.0", str(TARGET))
    assert packet.hwsrc == str(OWN)
    reply = layers.Ether(src=str(OTHER), dst=str(OWN)) / layers.ARP(
        op=2, hwsrc=str(OTHER), psrc=str(TARGET), hwdst=str(OWN), pdst="0.0.0.0"
    )
    message = arp.decode(bytes(reply))
    assert message.operation is arp.Operation.REPLY
    assert (message.sender_mac, message.sender) == (OTHER, TARGET)


@pytest.mark.parametrize(
    ("offset", "value"), [(12, 0x0800), (14, 6), (16, 0x86DD), (18, 0x0804), (20, 3)]
)
def test_other_frames_are_refused(offset: int, value: int) -> None:
    """Another EtherType, hardware, protocol, address size or operation is not ours."""
    frame = bytearray(arp.probe(OWN, TARGET))
    struct.pack_into("!H", frame, offset, value)
    with pytest.raises(WireError):
        arp.decode(bytes(frame))


@given(st.binary(max_size=80))
def test_garbage_is_refused(frame: bytes) -> None:
    """Any octets are read or raise the one wire error."""
    try:
        assert arp.decode(frame).sender is not None
    except WireError:
        assert True
