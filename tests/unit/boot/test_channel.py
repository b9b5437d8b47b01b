"""The control channel's ends."""

from __future__ import annotations

import socket

import pytest

from appliance.boot import channel as channel_module
from appliance.boot.channel import Channel
from appliance.boot.control import ControlMessage, Event, Machines, Ready, Stop
from appliance.boot.model import BootEvent
from appliance.errors import WireError
from appliance.machines.state import Seen
from tests.unit.boot.boot_world import armed, held


def pair() -> tuple[Channel, Channel]:
    """Connect two ends."""
    ours, theirs = socket.socketpair()
    return Channel(ours), Channel(theirs)


def test_messages_come_in_order_until_the_other_side_closes() -> None:
    """What was queued before the close still arrives."""
    main, boot = pair()
    sent: list[ControlMessage] = [Ready(("http",)), Machines((armed(), held()))] * 50
    for message in sent:
        boot.send(message)
    boot.close()

    assert list(main.receive()) == sent
    main.close()


def test_a_side_that_does_not_read_never_blocks_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain events are dropped and counted; the newest evidence is kept."""
    monkeypatch.setattr(channel_module, "_QUEUE", 10)
    main, boot = pair()
    for number in range(5000):
        boot.send(Event(BootEvent(float(number), "syslog", "x" * 1000)))
    assert boot.dropped > 0
    boot.send(Event(BootEvent(0.0, "evidence", "last", None, "hv1", Seen.HOOK_SUCCEEDED)))

    last = None
    for message in main.receive():
        last = message
        if isinstance(message, Event) and message.event.kind == "evidence":
            break
    assert isinstance(last, Event)
    assert last.event.text == "last"
    boot.close()
    main.close()


def test_garbage_ends_the_conversation() -> None:
    """The other side is not what it should be."""
    ours, theirs = socket.socketpair()
    theirs.sendall(b'{"kind": "stop"}\nnonsense\n')
    channel = Channel(ours)
    messages = channel.receive()

    assert next(messages) == Stop()
    with pytest.raises(WireError):
        next(messages)
    channel.close()
    theirs.close()


def test_closing_twice_or_after_the_other_side_is_no_error() -> None:
    """Both sides end at once when main stops."""
    main, boot = pair()
    main.close()
    boot.send(Stop())
    boot.close()
    assert list(main.receive()) == []
