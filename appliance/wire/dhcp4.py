"""DHCPv4 messages: bytes to `Packet`, `Packet` to bytes, and where a reply must be sent.

Sources: RFC 951, RFC 2131, RFC 2132, RFC 3396 (long options), RFC 3046 (relay agent option).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, IntEnum
from ipaddress import IPv4Address

from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire.dhcp4_options import OptionCode, Options

SERVER_PORT = 67
CLIENT_PORT = 68
PXE_PORT = 4011
BROADCAST = IPv4Address("255.255.255.255")
UNSPECIFIED = IPv4Address(0)
FILE_LIMIT = 127  # the BOOTP `file` field is 128 octets with its NUL
SNAME_LIMIT = 63
BROADCAST_FLAG = 0x8000
ETHERNET = 1


class Op(IntEnum):
    """Who speaks (RFC 951)."""

    REQUEST = 1
    REPLY = 2


class MessageType(IntEnum):
    """Option 53 (RFC 2132, 9.6)."""

    DISCOVER = 1
    OFFER = 2
    REQUEST = 3
    DECLINE = 4
    ACK = 5
    NAK = 6
    RELEASE = 7
    INFORM = 8


@dataclass(frozen=True, slots=True)
class Packet:
    """One DHCP message.

    `chaddr` is the raw field of 16 octets. `file` and `sname` end before their first NUL and are
    empty when unused or when they held options (option 52 never shows in `options`).
    """

    op: Op
    xid: int
    chaddr: bytes
    htype: int = ETHERNET
    hlen: int = 6
    hops: int = 0
    secs: int = 0
    flags: int = 0
    ciaddr: IPv4Address = UNSPECIFIED
    yiaddr: IPv4Address = UNSPECIFIED
    siaddr: IPv4Address = UNSPECIFIED
    giaddr: IPv4Address = UNSPECIFIED
    sname: bytes = b""
    file: bytes = b""
    options: Options = field(default_factory=Options)

    @property
    def broadcast(self) -> bool:
        """Whether the client asks to be answered by broadcast (RFC 2131, figure 2)."""
        return bool(self.flags & BROADCAST_FLAG)

    @property
    def mac(self) -> Mac:
        """The client's Ethernet address. Raises WireError when the hardware is not Ethernet."""
        raise NotImplementedError

    @property
    def message_type(self) -> MessageType | None:
        """Option 53; None when it is absent or holds a number outside RFC 2132."""
        raise NotImplementedError


class Delivery(Enum):
    """How a reply reaches its client (RFC 2131, 4.1)."""

    RELAY = "relay"
    UNICAST = "unicast"
    HARDWARE = "hardware"
    BROADCAST = "broadcast"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a reply goes. `mac` is set for HARDWARE: the client cannot answer ARP yet."""

    address: IPv4Address
    port: int
    mac: Mac | None
    via: Delivery


def decode(raw: bytes) -> Packet:
    """Read one message from a UDP payload. Raises WireError, and nothing else."""
    raise NotImplementedError


def encode(packet: Packet, *, min_size: int = 300, max_size: int = 1472) -> bytes:
    """Write a message as a UDP payload of `min_size` to `max_size` octets.

    Option 53 comes first and option 82 last (RFC 3046, 2.1). Values above 255 octets are split
    (RFC 3396). What does not fit goes to `file` and `sname` when these are free, with option 52.
    Raises WireError when it still does not fit or a field is out of range.
    """
    raise NotImplementedError


def reply_budget(request: Packet) -> int:
    """Give the `max_size` for replies to this client: option 57 less IP and UDP headers.

    Without option 57 it is 548 octets, what every client must take (RFC 2131, 2).
    """
    raise NotImplementedError


def reply_to(
    request: Packet,
    message: MessageType,
    *,
    options: Options,
    yiaddr: IPv4Address = UNSPECIFIED,
    siaddr: IPv4Address = UNSPECIFIED,
    sname: bytes = b"",
    file: bytes = b"",
) -> Packet:
    """Build a reply with the fields of RFC 2131, table 3, already copied from the request.

    Options 53, 61 (RFC 6842), 82 (RFC 3046) and 97 (RFC 4578) are added; `options` wins over
    echoed ones. A NAK through a relay gets the broadcast flag (RFC 2131, 4.3.2).
    """
    raise NotImplementedError


def deliver_to(reply: Packet, request: Packet) -> Destination:
    """Decide where a reply goes (RFC 2131, 4.1).

    Relay when `giaddr` is set; NAK by broadcast; `ciaddr` by unicast; else by broadcast when the
    client asks for it or has been given no address (a proxy's offer), else to `yiaddr` at the
    client's hardware address. A reply from port 4011 goes back to its sender instead.
    """
    raise NotImplementedError


__all__ = [
    "BROADCAST",
    "BROADCAST_FLAG",
    "CLIENT_PORT",
    "FILE_LIMIT",
    "PXE_PORT",
    "SERVER_PORT",
    "SNAME_LIMIT",
    "UNSPECIFIED",
    "Delivery",
    "Destination",
    "MessageType",
    "Op",
    "OptionCode",
    "Options",
    "Packet",
    "WireError",
    "decode",
    "deliver_to",
    "encode",
    "reply_budget",
    "reply_to",
]
