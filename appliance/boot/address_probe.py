"""Asking the wire who has an address, before it is taken (RFC 5227, 2.1)."""

from __future__ import annotations

import select
import socket
import time
from contextlib import suppress
from ipaddress import IPv4Address

from appliance.boot.pool_probe import SPACING, PoolProbe
from appliance.boot.sockets import open_packet_socket, send_frame
from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire import arp

_LARGEST = 2048


def who_has(interface: str, address: IPv4Address) -> Mac | None:
    """Give the hardware address of another machine that has `address`; None if nobody answers.

    Silence is believed after two probes, 0.8 s. Needs root's rights. Raises PreflightError as
    `open_packet_socket` does, and where nothing can be sent.
    """
    with open_packet_socket(interface) as opened:
        probe = PoolProbe(Mac.from_bytes(opened.getsockname()[4]))
        probe.begin([address], time.monotonic())
        while True:
            frames, free = probe.due(time.monotonic())
            if free:
                return None
            for frame in frames:
                send_frame(opened, frame, interface)
            if (found := _answer(opened, probe, address)) is not None:
                return found


def _answer(opened: socket.socket, probe: PoolProbe, address: IPv4Address) -> Mac | None:
    """Hear what comes until the next probe is due."""
    until = time.monotonic() + SPACING
    while (left := until - time.monotonic()) > 0 and select.select([opened], [], [], left)[0]:
        with suppress(WireError, BlockingIOError):
            frame = opened.recv(_LARGEST)
            if frame[12:14] != arp.ETHERTYPE.to_bytes(2, "big"):
                continue
            seen = probe.heard(arp.decode(frame))
            if seen is not None and seen.address == address:
                return seen.mac
    return None
