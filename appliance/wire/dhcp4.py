"""DHCPv4 messages: bytes to `Packet`, `Packet` to bytes, and where a reply must be sent.

Sources: RFC 951, RFC 2131, RFC 2132, RFC 3396 (long options), RFC 3046 (relay agent option).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from ipaddress import IPv4Address

from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire.dhcp4_options import OptionCode, Options, read_into

SERVER_PORT = 67
CLIENT_PORT = 68
PXE_PORT = 4011
BROADCAST = IPv4Address("255.255.255.255")
UNSPECIFIED = IPv4Address(0)
FILE_LIMIT = 127  # the BOOTP `file` field is 128 octets with its NUL
SNAME_LIMIT = 63
BROADCAST_FLAG = 0x8000
ETHERNET = 1

_COOKIE = 0x63825363
_FIXED = struct.Struct("!BBBBIHHIIII16s64s128sI")
_HEADERS = 28  # IPv4 and UDP
_FRAME_LIMIT = 1500
_FILE_FIELD = 128
_SNAME_FIELD = 64
_IN_FILE, _IN_SNAME = 1, 2  # option 52 is the sum (RFC 2132, 9.3)


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
        if self.htype != ETHERNET or self.hlen != 6:
            raise WireError(
                "the client's hardware is not Ethernet",
                why=f"type {self.htype}, address of {self.hlen} octets",
            )
        return Mac(self.chaddr[:6].hex())

    @property
    def message_type(self) -> MessageType | None:
        """Option 53; None when it is absent or holds a number outside RFC 2132."""
        return _MESSAGE_TYPES.get(self.options.get(OptionCode.MESSAGE_TYPE, b""))


_OPS = {op.value: op for op in Op}
_MESSAGE_TYPES = {bytes((message.value,)): message for message in MessageType}


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
    if len(raw) < _FIXED.size:
        raise WireError("not a DHCP message", why=f"{len(raw)} octets, at least {_FIXED.size}")
    (op, htype, hlen, hops, xid, secs, flags, ciaddr, yiaddr, siaddr, giaddr) = (
        fields := _FIXED.unpack_from(raw)
    )[:11]
    chaddr, sname, file, cookie = fields[11:]
    known_op = _OPS.get(op)
    if known_op is None or hlen > 16:
        raise WireError("not a DHCP message", why=f"op {op}, hardware address of {hlen} octets")
    if cookie != _COOKIE:
        raise WireError("a BOOTP message without the DHCP cookie", where="octet 236")
    values: dict[int, bytes] = {}
    read_into(values, raw[_FIXED.size :], "options")
    overload = values.pop(OptionCode.OVERLOAD, None)
    if overload is not None:
        sname, file = _read_overloaded(values, overload, sname, file)
    message = values.get(OptionCode.MESSAGE_TYPE)
    if message is not None and len(message) != 1:
        raise WireError("option 53 is not one octet", why=f"{len(message)} octets")
    return Packet(
        known_op,
        xid,
        chaddr,
        htype,
        hlen,
        hops,
        secs,
        flags,
        IPv4Address(ciaddr) if ciaddr else UNSPECIFIED,
        IPv4Address(yiaddr) if yiaddr else UNSPECIFIED,
        IPv4Address(siaddr) if siaddr else UNSPECIFIED,
        IPv4Address(giaddr) if giaddr else UNSPECIFIED,
        sname.partition(b"\0")[0],
        file.partition(b"\0")[0],
        Options(values),
    )


def _read_overloaded(
    values: dict[int, bytes], overload: bytes, sname: bytes, file: bytes
) -> tuple[bytes, bytes]:
    """Read the options in `file`, then in `sname` (the order of RFC 3396, 5), and empty these."""
    if len(overload) != 1 or not 1 <= overload[0] <= 3:
        raise WireError("option 52 is not 1, 2 or 3", why=overload.hex() or "no octet")
    if overload[0] & _IN_FILE:
        read_into(values, file, "options in `file`")
        file = b""
    if overload[0] & _IN_SNAME:
        read_into(values, sname, "options in `sname`")
        sname = b""
    # An option 52 inside an overloaded field has no meaning (RFC 2131, 4.1).
    values.pop(OptionCode.OVERLOAD, None)
    return sname, file


class _Region:
    """A field that holds options, with the octets still free. One octet is kept for END."""

    __slots__ = ("free", "parts", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.free = size - 1
        self.parts: list[bytes] = []

    def put(self, piece: bytes) -> None:
        self.parts.append(piece)
        self.free -= len(piece)

    def packed(self) -> bytes:
        return b"".join((*self.parts, b"\xff"))


def encode(packet: Packet, *, min_size: int = 300, max_size: int = 1472) -> bytes:
    """Write a message as a UDP payload of `min_size` to `max_size` octets.

    Option 53 comes first and option 82 last (RFC 3046, 2.1). Values above 255 octets are split
    (RFC 3396). What does not fit goes to `file` and `sname` when these are free, with option 52.
    Raises WireError when it still does not fit or a field is out of range.
    """
    if len(packet.file) > FILE_LIMIT or len(packet.sname) > SNAME_LIMIT:
        raise WireError(
            "the boot file or server name is too long",
            why=f"{len(packet.file)} and {len(packet.sname)} octets; {FILE_LIMIT} and "
            f"{SNAME_LIMIT} fit before the NUL",
            fix="name the file by a short alias",
        )
    file, sname = packet.file, packet.sname
    order = _wire_order(packet.options)
    room = max_size - _FIXED.size
    options = b"".join(_pieces(code, value) for code, value in order) + b"\xff"
    if len(options) > room:
        options, file, sname = _overload(packet, order, room)
    raw = _pack_fixed(packet, file, sname) + options
    return raw.ljust(min_size, b"\0")


def _pack_fixed(packet: Packet, file: bytes, sname: bytes) -> bytes:
    if len(packet.chaddr) > 16:
        raise WireError("`chaddr` is longer than 16 octets", why=f"{len(packet.chaddr)} octets")
    try:
        return _FIXED.pack(
            packet.op,
            packet.htype,
            packet.hlen,
            packet.hops,
            packet.xid,
            packet.secs,
            packet.flags,
            int(packet.ciaddr),
            int(packet.yiaddr),
            int(packet.siaddr),
            int(packet.giaddr),
            packet.chaddr,
            sname,
            file,
            _COOKIE,
        )
    except struct.error as fault:
        raise WireError("a field of the DHCP header is out of range", why=str(fault)) from fault


def _wire_order(options: Options) -> list[tuple[int, bytes]]:
    """Put 53 first, where old PXE ROMs look for it, and 82 last, where relays do."""
    values = dict(options.items())
    message = values.pop(OptionCode.MESSAGE_TYPE, None)
    relay = values.pop(OptionCode.RELAY_AGENT, None)
    first = [] if message is None else [(int(OptionCode.MESSAGE_TYPE), message)]
    last = [] if relay is None else [(int(OptionCode.RELAY_AGENT), relay)]
    return [*first, *values.items(), *last]


def _pieces(code: int, value: bytes) -> bytes:
    """Write one option, in as many pieces of 255 octets as its length needs (RFC 3396)."""
    if len(value) < 256:
        return bytes((code, len(value))) + value
    return b"".join(
        bytes((code, len(part))) + part
        for part in (value[at : at + 255] for at in range(0, len(value), 255))
    )


def _overload(
    packet: Packet, order: list[tuple[int, bytes]], room: int
) -> tuple[bytes, bytes, bytes]:
    """Spread the options over the fields that are free, each whole where it can be."""
    main = _Region(room)
    file = None if packet.file else _Region(_FILE_FIELD)
    sname = None if packet.sname else _Region(_SNAME_FIELD)
    used = (_IN_FILE if file else 0) | (_IN_SNAME if sname else 0)
    regions = [region for region in (main, file, sname) if region]
    if used:
        main.free -= 3  # option 52 itself
    if order and order[-1][0] == OptionCode.RELAY_AGENT:
        # RFC 3046, 2.1: a relay strips it from the end of the options field alone.
        relay = _pieces(*order.pop())
        main.free -= len(relay)
    else:
        relay = b""
    for code, value in order:
        _place(code, value, regions)
    if main.free < 0:
        raise _too_large(packet)
    if used:
        main.put(bytes((OptionCode.OVERLOAD, 1, used)))
    main.put(relay)
    return (
        main.packed(),
        file.packed() if file else packet.file,
        sname.packed() if sname else packet.sname,
    )


def _place(code: int, value: bytes, regions: list[_Region]) -> None:
    """Put one option into the first field that holds it whole; only long ones are cut across."""
    whole = _pieces(code, value)
    for region in regions:
        if len(whole) <= region.free:
            region.put(whole)
            return
    left = value if len(value) > 255 else b""
    for region in regions:
        while left and region.free > 2:
            part = left[: min(255, region.free - 2)]
            region.put(bytes((code, len(part))) + part)
            left = left[len(part) :]
    if left or len(value) <= 255:
        raise WireError(f"option {code} does not fit in the message", why="the fields are full")


def _too_large(packet: Packet) -> WireError:
    total = sum(len(value) + 2 for value in packet.options.values())
    return WireError("the options do not fit in the message", why=f"{total} octets of options")


def reply_budget(request: Packet) -> int:
    """Give the `max_size` for replies to this client: option 57 less IP and UDP headers.

    Without option 57, or with one below the legal minimum, it is 548 octets, what every client
    must take (RFC 2131, 2). Raises WireError when option 57 is not two octets.
    """
    asked = request.options.uint16(OptionCode.MAX_MESSAGE_SIZE) or 0
    return min(max(asked, 576), _FRAME_LIMIT) - _HEADERS


# RFC 6842 (61), RFC 4578 2.3 (97: the server must echo it), RFC 3046 2.2 (82).
_ECHOED = (OptionCode.CLIENT_ID, OptionCode.MACHINE_ID, OptionCode.RELAY_AGENT)


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

    Option 53 is set, and 61, 82 and 97 are echoed unless `options` has its own. `ciaddr` is
    copied for an ACK. A NAK through a relay gets the broadcast flag (RFC 2131, 4.3.2).
    """
    values = {int(OptionCode.MESSAGE_TYPE): bytes((message,)), **options}
    for code in _ECHOED:
        if code in request.options:
            values.setdefault(int(code), request.options[code])
    relayed_nak = message is MessageType.NAK and request.giaddr != UNSPECIFIED
    return Packet(
        op=Op.REPLY,
        xid=request.xid,
        chaddr=request.chaddr,
        htype=request.htype,
        hlen=request.hlen,
        flags=request.flags | BROADCAST_FLAG if relayed_nak else request.flags,
        ciaddr=request.ciaddr if message is MessageType.ACK else UNSPECIFIED,
        yiaddr=yiaddr,
        siaddr=siaddr,
        giaddr=request.giaddr,
        sname=sname,
        file=file,
        options=Options(values),
    )


def deliver_to(reply: Packet, request: Packet) -> Destination:
    """Decide where a reply goes (RFC 2131, 4.1).

    Relay when `giaddr` is set; NAK by broadcast; `ciaddr` by unicast; else by broadcast when the
    client asks for it or has been given no address (a proxy's offer), else to `yiaddr` at the
    client's hardware address. A reply from port 4011 goes back to its sender instead.
    """
    if request.giaddr != UNSPECIFIED:
        return Destination(request.giaddr, SERVER_PORT, None, Delivery.RELAY)
    if reply.message_type is not MessageType.NAK:
        if request.ciaddr != UNSPECIFIED:
            return Destination(request.ciaddr, CLIENT_PORT, None, Delivery.UNICAST)
        ethernet = request.htype == ETHERNET and request.hlen == 6
        if not request.broadcast and ethernet and reply.yiaddr != UNSPECIFIED:
            return Destination(reply.yiaddr, CLIENT_PORT, request.mac, Delivery.HARDWARE)
    return Destination(BROADCAST, CLIENT_PORT, None, Delivery.BROADCAST)
