"""The control channel's messages: what goes in comes out, and nothing else comes in."""

from __future__ import annotations

import json
from ipaddress import IPv4Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.boot.control import (
    MAX_LINE,
    Configure,
    ControlMessage,
    Event,
    Inject,
    Lines,
    Machines,
    Order,
    Ready,
    RecordChanged,
    Repeat,
    Reported,
    Stop,
    decode,
    encode,
)
from appliance.boot.model import BootEvent, BootMachine, OrderKind, ServedFile
from appliance.errors import WireError
from appliance.machines.state import Evidence, Record, Seen, State
from tests.unit.boot.boot_world import HV1, HV2, NETWORK, armed, held

FILE = ServedFile("iso", "/depot/iso", 7, "sha256:" + "a" * 64, Seen.IMAGE_SENT)
MESSAGES: list[ControlMessage] = [
    Configure(NETWORK, (FILE, ServedFile("x", "/x", 0, ""))),
    Machines((armed(), held())),
    Machines((BootMachine("a", "a", (HV1, HV2), IPv4Address("10.0.0.1"), installed=True),)),
    Machines(()),
    Inject(Evidence("hv1", Seen.SYSTEM_ANSWERS, 5.5, "ä\n\u2028")),
    Order(HV1, OrderKind.BLINK, 30),
    Order(HV2, OrderKind.OWN_DISK),
    Reported(HV1, IPv4Address("10.0.0.1"), None, '{"vendor":"ä\\n"}'),
    Reported(HV2, IPv4Address("10.0.0.2"), "hv2", "{}"),
    Stop(),
    Repeat(""),
    Repeat("ab.12"),
    Ready(("http", "tftp")),
    Event(BootEvent(1.5, "http", "text", HV1, "hv1", Seen.IMAGE_ASKED, (("a", "b"), ("c", "d")))),
    Event(BootEvent(1.0, "dns", "")),
    Event(BootEvent(1.0, "decision", "x", mark="ab.12")),
    RecordChanged("hv1", Record(State.IMAGE, 1, True, 2, 3.0, Seen.CONFIG_SENT, 4.0, "t")),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda each: type(each).__name__)
def test_a_message_survives_the_channel(message: ControlMessage) -> None:
    """One line out, the same value in, secrets included."""
    line = encode(message)

    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert decode(line) == message


@given(st.binary(max_size=200))
def test_garbage_raises_the_one_wire_error(raw: bytes) -> None:
    """Whatever the bytes, nothing but WireError."""
    with pytest.raises(WireError):
        decode(raw)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "unheard-of"},
        {"machines": None},
        {"machines": [{"name": 5}]},
        {"extra": 1},
        {"machines": [[]]},
    ],
)
def test_a_message_of_another_shape_is_refused(change: dict[str, object]) -> None:
    """Types are held to, not converted."""
    raw = {**json.loads(encode(Machines((armed(),)))), **change}

    with pytest.raises(WireError):
        decode(json.dumps(raw).encode())


def test_an_error_does_not_quote_the_line() -> None:
    """A line holds secrets; its error goes to a log."""
    raw = json.loads(encode(Machines((armed(config="hunter2"),))))
    raw["machines"][0]["address"] = "hunter2"

    with pytest.raises(WireError) as caught:
        decode(json.dumps(raw).encode())
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


@given(st.lists(st.binary(max_size=20).map(lambda b: b.replace(b"\n", b"")), max_size=8), st.data())
def test_lines_come_out_whole_however_they_are_cut(lines: list[bytes], data: st.DataObject) -> None:
    """A stream has no borders: cut anywhere, the same lines come out."""
    stream = b"".join(line + b"\n" for line in lines)
    cut = data.draw(st.integers(0, len(stream)))
    reader = Lines()

    assert reader.feed(stream[:cut]) + reader.feed(stream[cut:]) == lines


def test_a_line_without_end_is_refused() -> None:
    """The other side cannot fill the memory."""
    reader = Lines()

    for _ in range(MAX_LINE // 1_000_000):
        assert reader.feed(b"x" * 1_000_000) == []
    with pytest.raises(WireError, match="too long"):
        reader.feed(b"x" * 1_000_000)


def test_too_long_a_message_is_not_sent() -> None:
    """The sender learns of it, not the receiver."""
    with pytest.raises(ValueError, match="longer"):
        encode(Machines((armed(config="x" * MAX_LINE),)))
