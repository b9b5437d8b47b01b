"""Network cards made to work: brought up, listened to, made to blink."""

from __future__ import annotations

import array
import fcntl
import os
import socket
import struct

from . import lldp

_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCETHTOOL = 0x8913, 0x8914, 0x8946
_IFF_UP = 1
_ETHTOOL_PHYS_ID = 0x1C
_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, _MR_MULTICAST = 263, 1, 0
_FRAME = 2048
_MOST_FRAMES = 64


def bring_up(name: str) -> None:
    """Bring a card up; only then it looks for link. Raises OSError."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        request = struct.pack("16sH14x", name.encode()[:15], 0)
        answer = fcntl.ioctl(asked, _SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("H", answer, 16)
        if not flags & _IFF_UP:
            request = struct.pack("16sH14x", name.encode()[:15], flags | _IFF_UP)
            fcntl.ioctl(asked, _SIOCSIFFLAGS, request)


def blink(name: str, seconds: int) -> None:
    """Let a card's light blink for so long; returns at once. A card that cannot, does nothing."""
    if os.fork():
        return
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            value = array.array("I", (_ETHTOOL_PHYS_ID, seconds))
            address, _ = value.buffer_info()
            fcntl.ioctl(asked, _SIOCETHTOOL, struct.pack("16sQ8x", name.encode()[:15], address))
    finally:
        os._exit(0)


class Listener:
    """Hears the LLDP frames on one card. Raises OSError where there is no such card."""

    def __init__(self, name: str) -> None:
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK
        self._socket = socket.socket(socket.AF_PACKET, kind, socket.htons(lldp.ETHERTYPE))
        try:
            self._socket.bind((name, lldp.ETHERTYPE))
            request = struct.pack(
                "iHH8s", socket.if_nametoindex(name), _MR_MULTICAST, len(lldp.ADDRESS), lldp.ADDRESS
            )
            self._socket.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, request)
        except OSError:
            self._socket.close()
            raise

    def hear(self) -> lldp.Neighbour | None:
        """Give the newest neighbour heard since the last call, if any. Never waits."""
        newest = None
        for _ in range(_MOST_FRAMES):
            try:
                frame = self._socket.recv(_FRAME)
            except OSError:
                break
            newest = lldp.decode(frame) or newest
        return newest

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
