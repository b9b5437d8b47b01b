"""A transfer delivers the file whatever the network does, and never answers twice for one."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.wire.tftp import Ack, Data, Error, Negotiated, OptionAck, ReadRequest, WriteRequest
from appliance.wire.tftp_transfer import (
    Command,
    Finished,
    Outcome,
    SendBlock,
    SendMessage,
    Transfer,
)

OACK = OptionAck({"blksize": "8"})


def plain(size: int, **changes: int) -> Transfer:
    """A transfer without options, as RFC 1350 knows it."""
    return Transfer(Negotiated(), size, None, **changes)


def windowed(blocks: int, window: int = 4) -> Transfer:
    """A transfer of `blocks` blocks of 8 octets (the last one empty), its OACK confirmed."""
    transfer = Transfer(Negotiated(8, window), (blocks - 1) * 8, OACK)
    transfer.start(0.0)
    return transfer


def blocks(commands: list[Command]) -> list[int]:
    """The numbers on the wire; nothing but blocks is expected."""
    assert all(isinstance(command, SendBlock) for command in commands)
    return [command.block for command in commands if isinstance(command, SendBlock)]


def ended(commands: list[Command]) -> Outcome:
    """How the transfer ended."""
    (last,) = [command for command in commands if isinstance(command, Finished)]
    assert commands[-1] is last
    return last.outcome


def test_a_plain_transfer_goes_block_by_block() -> None:
    """RFC 1350: the last block is shorter, and its ACK ends the transfer."""
    transfer = plain(1030)

    assert transfer.start(0.0) == [SendBlock(1, 0, 512)]
    assert transfer.receive(Ack(1), 0.1) == [SendBlock(2, 512, 512)]
    assert transfer.acknowledged == 512
    assert transfer.receive(Ack(2), 0.2) == [SendBlock(3, 1024, 6)]
    assert transfer.deadline == pytest.approx(1.2)
    assert ended(transfer.receive(Ack(3), 0.3)) is Outcome.COMPLETE
    assert transfer.done
    assert transfer.deadline is None
    assert transfer.acknowledged == 1030


@pytest.mark.parametrize(("size", "last"), [(0, (1, 0, 0)), (512, (2, 512, 0)), (511, (1, 0, 511))])
def test_a_multiple_of_the_block_ends_with_an_empty_one(
    size: int, last: tuple[int, int, int]
) -> None:
    """RFC 1350, 6: only a short block says that the file is over."""
    transfer = plain(size)
    sent = transfer.start(0.0)
    if size == 512:
        sent = transfer.receive(Ack(1), 0.0)

    assert sent == [SendBlock(*last)]
    assert ended(transfer.receive(Ack(last[0]), 0.0)) is Outcome.COMPLETE


def test_options_are_acknowledged_before_data() -> None:
    """RFC 2347: OACK, then ACK 0, then the first window."""
    transfer = Transfer(Negotiated(8, 4), 100, OACK)

    assert transfer.start(0.0) == [SendMessage(OACK)]
    assert transfer.acknowledged == 0
    assert transfer.receive(Ack(1), 0.1) == []
    assert transfer.receive(Ack(65535), 0.1) == []
    assert blocks(transfer.receive(Ack(0), 0.1)) == [1, 2, 3, 4]
    assert blocks(transfer.receive(Ack(4), 0.2)) == [5, 6, 7, 8]


def test_the_last_window_may_be_short() -> None:
    """RFC 7440, 4: no more than there is."""
    transfer = windowed(6)

    assert blocks(transfer.receive(Ack(0), 0.0)) == [1, 2, 3, 4]
    assert transfer.receive(Ack(4), 0.0) == [SendBlock(5, 32, 8), SendBlock(6, 40, 0)]
    assert ended(transfer.receive(Ack(6), 0.0)) is Outcome.COMPLETE


def test_a_gap_rolls_the_window_back() -> None:
    """RFC 7440, 4: an ACK inside the window says that the next block was lost."""
    transfer = windowed(20)
    transfer.receive(Ack(0), 0.0)

    assert blocks(transfer.receive(Ack(2), 0.1)) == [3, 4, 5, 6]
    assert transfer.acknowledged == 16


def test_a_lost_first_block_of_a_window_is_sent_again_at_once() -> None:
    """The client repeats its last ACK; the window goes out again without a pause, but once."""
    transfer = windowed(20)
    transfer.receive(Ack(0), 0.0)
    transfer.receive(Ack(4), 0.1)

    assert blocks(transfer.receive(Ack(4), 0.2)) == [5, 6, 7, 8]
    assert transfer.receive(Ack(4), 0.3) == []


def test_a_lost_first_window_is_sent_again_at_once() -> None:
    """The same for the very first window, whose last confirmed thing is the OACK."""
    transfer = windowed(20)
    transfer.receive(Ack(0), 0.0)

    assert blocks(transfer.receive(Ack(0), 0.1)) == [1, 2, 3, 4]
    assert transfer.receive(Ack(0), 0.2) == []


def test_a_repeated_ack_never_doubles_a_plain_transfer() -> None:
    """RFC 1123, 4.2.3.1: Sorcerer's Apprentice."""
    transfer = plain(5000)
    transfer.start(0.0)
    transfer.receive(Ack(1), 0.0)

    assert transfer.receive(Ack(1), 0.1) == []
    assert transfer.receive(Ack(1), 0.2) == []
    assert blocks(transfer.receive(Ack(2), 0.3)) == [3]


def test_acks_of_blocks_sent_twice_do_not_double_the_rest() -> None:
    """After a resend each ACK may come twice; with windows too, the doubling must die out."""
    transfer = windowed(100)
    transfer.receive(Ack(0), 0.0)
    assert blocks(transfer.tick(1.0)) == [1, 2, 3, 4]
    sent: Counter[int] = Counter()
    acks = [Ack(4), Ack(4)]  # the client got both windows
    while acks and not transfer.done:
        answered = [transfer.receive(ack, 1.1) for ack in acks]
        windows = [blocks(commands) for commands in answered if commands and not transfer.done]
        sent.update(number for window in windows for number in window)
        acks = [Ack(window[-1]) for window in windows]

    assert transfer.done
    assert set(sent.values()) == {1}


def test_late_and_foreign_acks_change_nothing() -> None:
    """An ACK from before what is confirmed, or of a block never sent, is ignored."""
    transfer = windowed(40)
    transfer.receive(Ack(0), 0.0)
    transfer.receive(Ack(4), 0.1)
    before = transfer.deadline

    for number in (0, 1, 3, 9, 1000, 65535):
        assert transfer.receive(Ack(number), 0.5) == []
    assert transfer.deadline == before
    assert transfer.acknowledged == 32


@pytest.mark.parametrize(
    "message", [Data(1, b"x"), ReadRequest("a"), WriteRequest("a"), OptionAck({})]
)
def test_messages_without_meaning_change_nothing(
    message: Data | ReadRequest | WriteRequest | OptionAck,
) -> None:
    """A client sends ACK or ERROR; anything else is noise."""
    transfer = plain(5000)
    transfer.start(0.0)

    assert transfer.receive(message, 0.1) == []
    assert transfer.deadline == pytest.approx(1.0)


def test_what_is_overdue_is_sent_again_with_doubling_pauses() -> None:
    """1, 2, 4, 8 and 16 seconds; then the client is given up, and told so."""
    transfer = plain(5000, tries=5)
    transfer.start(0.0)
    seen: list[float] = []
    last: list[Command] = []
    while not transfer.done:
        assert transfer.deadline is not None
        assert transfer.tick(transfer.deadline - 0.01) == []
        seen.append(transfer.deadline)
        last = transfer.tick(transfer.deadline)

    assert seen == [1.0, 3.0, 7.0, 15.0, 31.0]
    assert ended(last) is Outcome.TIMED_OUT
    assert last == [
        SendMessage(Error(0, "no answer")),
        Finished(Outcome.TIMED_OUT, "no answer to block 1 of 10 after 5 tries"),
    ]
    assert transfer.tick(1000.0) == []
    assert transfer.receive(Ack(1), 1000.0) == []


def test_progress_resets_the_pauses() -> None:
    """A slow link is not a dead one."""
    transfer = plain(5000)
    transfer.start(0.0)
    transfer.tick(1.0)
    transfer.tick(3.0)
    transfer.receive(Ack(1), 4.0)

    assert transfer.deadline == pytest.approx(5.0)


def test_the_oack_is_sent_again_too() -> None:
    """Its ACK or itself may be lost."""
    transfer = Transfer(Negotiated(8, 4), 100, OACK, tries=2)
    transfer.start(0.0)

    assert transfer.tick(1.0) == [SendMessage(OACK)]
    last = transfer.tick(3.0)
    assert ended(last) is Outcome.TIMED_OUT
    assert isinstance(last[-1], Finished)
    assert "the OACK" in last[-1].detail


def test_the_clients_timeout_sets_the_first_pause() -> None:
    """RFC 2349."""
    transfer = Transfer(Negotiated(timeout_s=7), 100, OACK)
    transfer.start(10.0)

    assert transfer.deadline == pytest.approx(17.0)


def test_edk2s_abort_after_the_oack_is_a_probe() -> None:
    """Row 7: it wanted `tsize`; that is success, not failure."""
    transfer = Transfer(Negotiated(tsize=100), 100, OACK)
    transfer.start(0.0)

    assert ended(transfer.receive(Error(8, "User aborted the transfer"), 0.1)) is Outcome.PROBED


def test_an_abort_after_data_is_an_abort() -> None:
    """The client's code and text are kept as the cause."""
    transfer = windowed(10)
    transfer.receive(Ack(0), 0.0)
    commands = transfer.receive(Error(3, "disk full"), 0.1)

    assert commands == [Finished(Outcome.ABORTED, "error 3 from the client: disk full")]
    first = plain(10)
    first.start(0.0)
    assert ended(first.receive(Error(0), 0.1)) is Outcome.ABORTED


def test_block_numbers_roll_over_to_zero() -> None:
    """Above 65535 blocks; offsets go on counting."""
    size = 8 * 65540
    transfer = Transfer(Negotiated(8, 60000), size, OACK)
    transfer.start(0.0)
    assert blocks(transfer.receive(Ack(0), 0.0))[-1] == 60000
    second = transfer.receive(Ack(60000), 0.0)

    assert blocks(second) == [*range(60001, 65536), 0, 1, 2, 3, 4, 5]
    assert second[-1] == SendBlock(5, size, 0)
    assert second[-2] == SendBlock(4, size - 8, 8)
    assert ended(transfer.receive(Ack(5), 0.0)) is Outcome.COMPLETE


class Client:
    """A receiver by RFC 1350 and RFC 7440, over a line that loses, doubles and reorders."""

    def __init__(self, line: random.Random, loss: float, window: int) -> None:
        self.line = line
        self.loss = loss
        self.window = window
        self.received = 0  # blocks in order
        self.since_ack = 0
        self.parts: list[tuple[int, int]] = []

    def carry(self, things: list[Command]) -> list[Command]:
        """Lose some, double some, swap some."""
        arrived = [t for t in things if self.line.random() >= self.loss]
        arrived += [t for t in arrived if self.line.random() < self.loss / 2]
        if self.line.random() < self.loss:
            self.line.shuffle(arrived)
        return arrived

    def take(self, commands: list[Command], block: int) -> list[int]:
        """Give the ACKs that answer what arrives of these commands."""
        acks: list[int] = []
        for command in self.carry(commands):
            if isinstance(command, SendMessage):
                acks += [0] if self.received == 0 else []
            elif isinstance(command, SendBlock):
                acks += self.take_block(command, block)
        return [ack for ack in acks if self.line.random() >= self.loss]

    def take_block(self, command: SendBlock, block: int) -> list[int]:
        """Accept the next block; a gap or a repeat is answered with the last good one."""
        if command.block != (self.received + 1) & 0xFFFF:
            self.since_ack = 0
            return [self.received & 0xFFFF]
        self.received += 1
        self.since_ack += 1
        self.parts.append((command.offset, command.length))
        if command.length < block or self.since_ack == self.window:
            self.since_ack = 0
            return [self.received & 0xFFFF]
        return []


@given(
    size=st.integers(0, 3000),
    block=st.sampled_from([8, 9, 64, 512]),
    window=st.sampled_from([1, 2, 4, 16, 64]),
    loss=st.sampled_from([0.0, 0.05, 0.3]),
    seed=st.integers(0, 10_000),
)
def test_the_file_arrives_whole_over_a_bad_line(
    size: int, block: int, window: int, loss: float, seed: int
) -> None:
    """Loss, doubles and disorder cost time, never an octet; a good line sends nothing twice."""
    transfer = Transfer(Negotiated(block, window), size, OACK, tries=100)
    client = Client(random.Random(seed), loss, window)
    now, sent = 0.0, 0
    pending = transfer.start(now)
    while not transfer.done:
        acks = client.take(pending, block)
        pending = [command for ack in acks for command in transfer.receive(Ack(ack), now)]
        if not pending and transfer.deadline is not None:
            now = transfer.deadline
            pending = transfer.tick(now)
        sent += sum(isinstance(command, SendBlock) for command in pending)

    last = size // block + 1
    assert client.received == last
    assert client.parts == [(n * block, min(block, size - n * block)) for n in range(last)]
    assert ended(pending) is Outcome.COMPLETE
    if not loss:
        assert sent == last
        assert now == 0.0
