"""The sending side of one TFTP transfer, without a socket, a clock or the file.

Time comes in as seconds on any monotonic clock; what to do goes out as commands, in order.
Sources: RFC 1350, RFC 1123 4.2.3.1 (Sorcerer's Apprentice), RFC 2347, RFC 7440 (windows).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from appliance.wire.tftp import Ack, Error, ErrorCode, Message, Negotiated, OptionAck

DEFAULT_TRIES = 5


@dataclass(frozen=True, slots=True)
class SendBlock:
    """Send DATA `block` (the 16-bit number on the wire) with this part of the file."""

    block: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class SendMessage:
    """Send this message."""

    message: Message


class Outcome(Enum):
    """How a transfer ended. PROBED: the client wanted only the OACK, as EDK2 does for tsize."""

    COMPLETE = "complete"
    PROBED = "probed"
    ABORTED = "aborted"
    TIMED_OUT = "timed out"


@dataclass(frozen=True, slots=True)
class Finished:
    """The transfer is over: forget it, and close its socket and file."""

    outcome: Outcome
    detail: str


Command = SendBlock | SendMessage | Finished


class Transfer:
    """One transfer of `size` octets. Call `start` once, then `receive` and `tick` as things come.

    `deadline` is when to call `tick` next, None when nothing is awaited. `tries` is how often
    the same window (or OACK) is sent before giving up; the pause between doubles each time.
    Blocks count from 1 without wrapping in here; 0 stands for the OACK.
    """

    __slots__ = (
        "_acked",
        "_agreed",
        "_last",
        "_oack",
        "_over",
        "_pause",
        "_resent",
        "_sent",
        "_size",
        "_tries",
        "_tries_left",
        "deadline",
    )

    def __init__(
        self,
        negotiated: Negotiated,
        size: int,
        oack: OptionAck | None,
        *,
        tries: int = DEFAULT_TRIES,
    ) -> None:
        self._agreed = negotiated
        self._size = size
        self._oack = oack
        # A size that is a multiple of the block ends with an empty block (RFC 1350, 6).
        self._last = size // negotiated.blksize + 1
        self._acked = 0 if oack is None else -1
        self._sent = self._acked
        self._resent = -1
        self._tries = tries
        self._tries_left = tries
        self._pause = float(negotiated.timeout_s)
        self._over = False
        self.deadline: float | None = None

    @property
    def done(self) -> bool:
        """Whether the transfer is over."""
        return self._over

    @property
    def acknowledged(self) -> int:
        """How many octets of the file the client has confirmed."""
        return min(max(self._acked, 0) * self._agreed.blksize, self._size)

    def start(self, now: float) -> list[Command]:
        """Send the OACK if there is one, else the first block."""
        return self._send_window(now)

    def receive(self, message: Message, now: float) -> list[Command]:
        """Take one message from the client. Messages without meaning here change nothing."""
        if self._over:
            return []
        if isinstance(message, Ack):
            return self._receive_ack(message.block, now)
        if isinstance(message, Error):
            return self._receive_error(message)
        return []

    def tick(self, now: float) -> list[Command]:
        """Send again what is overdue, or give up. Before the deadline it does nothing."""
        if self.deadline is None or now < self.deadline:
            return []
        self._tries_left -= 1
        if self._tries_left <= 0:
            return self._give_up()
        self._pause *= 2
        return self._send_again(now)

    def _receive_ack(self, wire_block: int, now: float) -> list[Command]:
        ahead = (wire_block - self._acked) & 0xFFFF
        if ahead == 0:
            return self._receive_duplicate(now)
        if ahead > self._sent - self._acked:
            return []  # a late one, from before what is confirmed
        self._acked += ahead
        if self._acked == self._last:
            return self._finish(Outcome.COMPLETE, f"{self._size} octets confirmed")
        self._tries_left = self._tries
        self._pause = float(self._agreed.timeout_s)
        # An ACK inside the window says that the block after it was lost: go back (RFC 7440, 4).
        self._resent = max(self._resent, self._sent if self._acked < self._sent else -1)
        return self._send_window(now)

    def _receive_duplicate(self, now: float) -> list[Command]:
        """Go back for a repeated ACK, once, and only when it can mean a lost block.

        With one block a window it never does (RFC 1123, 4.2.3.1). With more, the first block of
        the window may be lost; but when the confirmed block itself was sent twice, its ACK comes
        twice too, and answering both would double all traffic to the end of the file.
        """
        if self._agreed.windowsize == 1 or self._acked < 0 or self._acked <= self._resent:
            return []
        return self._send_again(now)

    def _receive_error(self, error: Error) -> list[Command]:
        detail = f"error {error.code} from the client: {error.message or 'no text'}"
        # EDK2 reads tsize from the OACK and aborts with error 8 on purpose (pin/tftp#125).
        probed = self._oack is not None and self._acked < 0
        return self._finish(Outcome.PROBED if probed else Outcome.ABORTED, detail)

    def _send_again(self, now: float) -> list[Command]:
        self._resent = max(self._resent, self._sent)
        return self._send_window(now)

    def _send_window(self, now: float) -> list[Command]:
        """Send the OACK, or the window after the last confirmed block."""
        self.deadline = now + self._pause
        if self._acked < 0 and self._oack is not None:
            self._sent = 0
            return [SendMessage(self._oack)]
        first = self._acked + 1
        self._sent = min(self._acked + self._agreed.windowsize, self._last)
        block = self._agreed.blksize
        return [
            SendBlock(n & 0xFFFF, (n - 1) * block, min(block, self._size - (n - 1) * block))
            for n in range(first, self._sent + 1)
        ]

    def _give_up(self) -> list[Command]:
        awaited = "the OACK" if self._acked < 0 else f"block {self._acked + 1} of {self._last}"
        detail = f"no answer to {awaited} after {self._tries} tries"
        ended = self._finish(Outcome.TIMED_OUT, detail)
        return [SendMessage(Error(ErrorCode.NOT_DEFINED, "no answer")), *ended]

    def _finish(self, outcome: Outcome, detail: str) -> list[Command]:
        self._over = True
        self.deadline = None
        return [Finished(outcome, detail)]
