"""The NTP service: a kept clock, an unkept one, and what is no question."""

from __future__ import annotations

import socket

import pytest

from appliance.boot.ntp_server import NtpService
from appliance.wire import ntp
from tests.unit.boot.boot_world import World
from tests.unit.boot.running_loop import CLOCK, running, udp

REQUEST = bytes([0x23]) + bytes(39) + b"\x11\x22\x33\x44\x55\x66\x77\x88"


def ask(world: World, *raws: bytes, synchronised: bool = False) -> ntp.NtpPacket:
    """Send datagrams to a fresh service and read the one reply."""
    with udp() as listening:
        service: list[NtpService] = []

        def make(loop: object) -> None:
            service.append(
                NtpService(
                    listening,
                    loop=loop,  # type: ignore[arg-type]
                    state=world.state,
                    clock=CLOCK,
                    synchronised=lambda: synchronised,
                )
            )

        with running(make), udp() as sock:
            for raw in raws:
                sock.sendto(raw, listening.getsockname())
            reply = sock.recv(1000)
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.recv(1000)
        service[0].close()
        service_sock: socket.socket = listening
        assert service_sock.fileno() > 0
    return ntp.decode(reply)


def test_an_unkept_clock_answers_as_a_local_one(world: World) -> None:
    """Stratum 10, LOCL, leap 0: a common time without any source outside."""
    reply = ask(world, REQUEST)

    assert (reply.stratum, reply.reference_id, reply.leap) == (10, b"LOCL", 0)
    assert reply.mode is ntp.Mode.SERVER
    assert reply.originate == 0x1122334455667788
    now = CLOCK.utc()
    assert abs(ntp.to_unix(reply.transmit, near=now) - now) < 3600


def test_a_kept_clock_answers_better(world: World) -> None:
    """But worse than a site's own server would."""
    reply = ask(world, REQUEST, synchronised=True)

    assert 1 < reply.stratum < 10
    assert reply.leap == 0


def test_what_is_no_question_gets_no_answer(world: World) -> None:
    """Garbage, control and private messages (CVE-2013-5211) and other servers' replies."""
    silent = [
        b"",
        b"\x23",
        bytes(47),
        bytes([0x24]) + bytes(47),
        bytes([0x16]) + bytes(47),
        bytes([0x17, 0, 3, 42]) + bytes(44),
        b"\xff" * 900,
    ]
    reply = ask(world, *silent, REQUEST)

    assert reply.originate == 0x1122334455667788
    assert [event.text for event in world.events("ntp")][-1] == "127.0.0.1 takes its time from here"
