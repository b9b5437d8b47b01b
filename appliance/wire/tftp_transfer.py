"""The sending side of one TFTP transfer, without a socket, a clock or the file.

Time comes in as seconds on any monotonic clock; what to do goes out as commands, in order.
Sources: RFC 1350, RFC 1123 4.2.3.1 (Sorcerer's Apprentice), RFC 2347, RFC 7440 (windows).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from appliance.wire.tftp import Message, Negotiated, OptionAck

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
    """How a transfer ended. PROBED: the client asked only for the options (EDK2 does, for tsize)."""

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

    `deadline` is when to call `tick` next, None when the transfer is over. `tries` is how often
    the same window (or OACK) is sent before giving up; the pause between doubles each time.
    """

    __slots__ = ("deadline",)

    def __init__(
        self,
        negotiated: Negotiated,
        size: int,
        oack: OptionAck | None,
        *,
        tries: int = DEFAULT_TRIES,
    ) -> None:
        self.deadline: float | None = None

    @property
    def done(self) -> bool:
        """Whether the transfer is over."""
        raise NotImplementedError

    @property
    def acknowledged(self) -> int:
        """How many octets of the file the client has confirmed."""
        raise NotImplementedError

    def start(self, now: float) -> list[Command]:
        """Send the OACK if there is one, else the first block."""
        raise NotImplementedError

    def receive(self, message: Message, now: float) -> list[Command]:
        """Take one message from the client. Messages without meaning here change nothing."""
        raise NotImplementedError

    def tick(self, now: float) -> list[Command]:
        """Send again what is overdue, or give up. Before the deadline it does nothing."""
        raise NotImplementedError
