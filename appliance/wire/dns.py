"""Authoritative DNS for one site: a query's bytes in, the reply's bytes out, over dnslib's codec.

Sources: RFC 1034, RFC 1035, RFC 2308 (negative answers), RFC 6891 (EDNS), RFC 8482 (ANY),
RFC 9619 (one question).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from dnslib import (
    CLASS,
    EDNS0,
    NS,
    PTR,
    QTYPE,
    RR,
    SOA,
    A,
    DNSBuffer,
    DNSError,
    DNSHeader,
    DNSLabel,
    DNSQuestion,
    DNSRecord,
)
from dnslib.buffer import BufferError as DnsBufferError
from dnslib.label import DNSLabelError

from appliance.errors import WireError
from appliance.wire.reader import Reader

UDP_LIMIT = 1232  # DNS flag day 2020: fits every path without fragments
PLAIN_LIMIT = 512  # RFC 1035, 4.2.1

Name = tuple[bytes, ...]  # labels in lower case, the root left out

_NOERROR, _FORMERR, _SERVFAIL, _NXDOMAIN, _NOTIMP, _REFUSED, _BADVERS = 0, 1, 2, 3, 4, 5, 16
_RCODES = {
    _NOERROR: "NOERROR",
    _FORMERR: "FORMERR",
    _SERVFAIL: "SERVFAIL",
    _NXDOMAIN: "NXDOMAIN",
    _NOTIMP: "NOTIMP",
    _REFUSED: "REFUSED",
    _BADVERS: "BADVERS",
}
_OPT, _ANY, _IN = 41, 255, 1
_HEADER = 12
_ARPA: Name = (b"in-addr", b"arpa")


@dataclass(frozen=True, slots=True)
class Zone:
    """The site's zone.

    `origin` is the domain (`alpha.lan`); `hosts` maps names to addresses, either bare labels
    (`hv1`) or names already under the origin; the origin itself is `@`. A name of several
    addresses is given with all of them, in turns. `server_name` names this server (a bare label
    or under the origin) and `address` is where it answers. PTR records are given for hosts inside
    `reverse`, but to no name of several addresses: that is a service, not a machine. `ttl` and
    `serial` go to the SOA. Raises WireError for a name that DNS cannot carry.
    """

    origin: str
    hosts: Mapping[str, IPv4Address | tuple[IPv4Address, ...]]
    reverse: tuple[IPv4Network, ...]
    server_name: str
    address: IPv4Address
    ttl: int = 60
    serial: int = 1
    apex: Name = field(init=False, repr=False, compare=False)
    server: Name = field(init=False, repr=False, compare=False)
    addresses: Mapping[Name, tuple[IPv4Address, ...]] = field(init=False, repr=False, compare=False)
    names: Mapping[IPv4Address, tuple[Name, ...]] = field(init=False, repr=False, compare=False)
    existing: frozenset[Name] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        apex = _name(self.origin)
        server = _under(self.server_name, apex)
        addresses = {_under(name, apex): _all(given) for name, given in self.hosts.items()}
        addresses.setdefault(server, (self.address,))
        names: dict[IPv4Address, tuple[Name, ...]] = {}
        for name, given in addresses.items():
            if len(given) == 1:
                names[given[0]] = (*names.get(given[0], ()), name)
        # A name with something below it exists, though it owns nothing (RFC 8020).
        existing = {name[at:] for name in addresses for at in range(len(name) - len(apex) + 1)}
        for key, value in (
            ("apex", apex),
            ("server", server),
            ("addresses", addresses),
            ("names", names),
            ("existing", frozenset({*existing, apex})),
        ):
            object.__setattr__(self, key, value)


@dataclass(frozen=True, slots=True)
class Answer:
    """The reply to send (None: send nothing) and what to write to the log.

    `log` is a finding for the operator, such as a name asked outside the zone. `qname` and
    `qtype` are empty when there was no readable question; `rcode` is None without a reply.
    """

    reply: bytes | None
    log: str | None = None
    qname: str = ""
    qtype: str = ""
    rcode: str | None = None


@dataclass(frozen=True, slots=True)
class _Found:
    """What the zone holds for a question: records, glue, and the SOA's owner for a negative."""

    rcode: int
    answers: tuple[RR, ...] = ()
    extra: tuple[RR, ...] = ()
    negative: Name | None = None
    log: str | None = None


@dataclass(frozen=True, slots=True)
class _Edns:
    """The client's OPT record (RFC 6891): UDP size and version."""

    size: int
    version: int


def grouped(
    hosts: Iterable[tuple[str, IPv4Address]],
) -> dict[str, IPv4Address | tuple[IPv4Address, ...]]:
    """Give hosts as a zone takes them: each name once, with all its addresses in their order."""
    found: dict[str, tuple[IPv4Address, ...]] = {}
    for name, address in hosts:
        found[name] = tuple(dict.fromkeys((*found.get(name, ()), address)))
    return {name: each[0] if len(each) == 1 else each for name, each in found.items()}


def answer(raw: bytes, zone: Zone, *, udp_limit: int | None = UDP_LIMIT) -> Answer:
    """Answer one query. Never raises for any bytes.

    `udp_limit` is the largest UDP reply in octets; None means TCP, where nothing is truncated.
    """
    if len(raw) < _HEADER:
        return Answer(None, f"{len(raw)} octets are no DNS message")
    if raw[2] & 0x80:
        return Answer(None, "a DNS reply came where questions are asked")
    opcode = raw[2] >> 3 & 0xF
    if opcode:
        return _refuse(raw, _NOTIMP, f"DNS opcode {opcode}")
    try:
        question, edns = _read_query(raw)
    except WireError as fault:
        return _refuse(raw, _FORMERR, str(fault))
    # The id is of chance: by it each address of a name comes first as often as the others.
    found = _Found(_BADVERS) if edns and edns.version else _look_up(question, zone, turn=raw[1])
    limit = _limit(edns, udp_limit)
    return Answer(
        _pack(raw, question, found, zone, edns, limit),
        found.log,
        str(question.qname),
        _type_name(question.qtype),
        _RCODES[found.rcode],
    )


def _refuse(raw: bytes, rcode: int, why: str) -> Answer:
    """Answer with a bare header: there is no question that could be repeated."""
    flags = bytes((0x80 | (raw[2] & 0x79), rcode))
    return Answer(raw[:2] + flags + bytes(8), why, rcode=_RCODES[rcode])


def _limit(edns: _Edns | None, udp_limit: int | None) -> int:
    if udp_limit is None:
        return 0xFFFF
    return min(udp_limit, max(PLAIN_LIMIT, edns.size) if edns else PLAIN_LIMIT)


def _read_query(raw: bytes) -> tuple[DNSQuestion, _Edns | None]:
    """Read the one question and the OPT record. Raises WireError for anything else."""
    counts = [int.from_bytes(raw[at : at + 2], "big") for at in range(4, _HEADER, 2)]
    questions, answers, authorities, extras = counts
    if questions != 1 or answers or authorities:
        raise WireError(
            f"a DNS query with {questions} questions and {answers + authorities} records"
        )
    buffer = DNSBuffer(raw)
    buffer.offset = _HEADER
    try:
        question = DNSQuestion.parse(buffer)
        # dnslib takes a label of 64 to 191 octets, and names too long to be sent back.
        DNSBuffer().encode_name(question.qname)
    except (DNSError, DNSLabelError, DnsBufferError) as fault:
        raise WireError("a DNS question that cannot be read", why=str(fault)) from fault
    return question, _read_edns(Reader(raw[buffer.offset :], "DNS query"), extras)


def _read_edns(reader: Reader, count: int) -> _Edns | None:
    """Find the OPT record among the additional ones; others (TSIG) are passed over."""
    edns = None
    for _ in range(count):
        root = _skip_name(reader)
        kind, size = reader.uint16(), reader.uint16()
        reader.skip(1)
        version = reader.uint8()
        reader.skip(2)
        reader.skip(reader.uint16())
        if kind == _OPT:
            if edns or not root:
                raise WireError("a DNS query with a second or misplaced OPT record")
            edns = _Edns(size, version)
    return edns


def _skip_name(reader: Reader) -> bool:
    """Pass over a name; tell whether it is the root."""
    length = reader.uint8()
    root = length == 0
    while length:
        if length >= 0xC0:
            reader.skip(1)
            break
        reader.skip(length)
        length = reader.uint8()
    return root


def _look_up(question: DNSQuestion, zone: Zone, *, turn: int) -> _Found:
    name: Name = tuple(label.lower() for label in question.qname.label)
    if question.qclass != _IN:
        kind = CLASS.get(question.qclass, str(question.qclass))
        return _Found(_REFUSED, log=f"asked for {question.qname} in class {kind}")
    if name[-len(zone.apex) :] == zone.apex:
        return _forward(question, name, zone, turn)
    apex = _reverse_apex(name, zone)
    if apex is not None:
        return _backward(question, name, apex, zone)
    what = f"asked for {question.qname} {_type_name(question.qtype)}"
    return _Found(_REFUSED, log=f"{what}, which is outside {zone.origin}")


def _forward(question: DNSQuestion, name: Name, zone: Zone, turn: int) -> _Found:
    if name not in zone.existing:
        return _Found(_NXDOMAIN, negative=zone.apex)
    if name == zone.apex and (found := _apex_records(question, zone)):
        return found
    addresses = zone.addresses.get(name)
    if addresses and question.qtype in (QTYPE.A, _ANY):
        at = turn % len(addresses)
        return _Found(
            _NOERROR,
            tuple(
                _record(question.qname, A(tuple(each.packed)), zone)
                for each in addresses[at:] + addresses[:at]
            ),
        )
    return _Found(_NOERROR, negative=zone.apex)


def _backward(question: DNSQuestion, name: Name, apex: Name, zone: Zone) -> _Found:
    if name == apex:
        return _apex_records(question, zone) or _Found(_NOERROR, negative=apex)
    octets = [label.decode("ascii") for label in reversed(name[: -len(_ARPA)])]
    if len(octets) < 4:
        under = IPv4Network((".".join(octets + ["0"] * (4 - len(octets))), 8 * len(octets)))
        known = any(address in under for address in zone.names)
        return _Found(_NOERROR if known else _NXDOMAIN, negative=apex)
    names = zone.names.get(IPv4Address(".".join(octets)), ())
    if not names:
        return _Found(_NXDOMAIN, negative=apex)
    if question.qtype not in (QTYPE.PTR, _ANY):
        return _Found(_NOERROR, negative=apex)
    return _Found(
        _NOERROR,
        tuple(_record(question.qname, PTR(DNSLabel(target)), zone) for target in names),
    )


def _apex_records(question: DNSQuestion, zone: Zone) -> _Found | None:
    """Give the SOA or NS of an apex. ANY gets one record set, not all (RFC 8482, 4.1)."""
    if question.qtype in (QTYPE.SOA, _ANY):
        return _Found(_NOERROR, (_soa(question.qname, zone),))
    if question.qtype == QTYPE.NS:
        glue = RR(DNSLabel(zone.server), QTYPE.A, ttl=zone.ttl, rdata=A(tuple(zone.address.packed)))
        server = _record(question.qname, NS(DNSLabel(zone.server)), zone)
        return _Found(_NOERROR, (server,), (glue,))
    return None


def _reverse_apex(name: Name, zone: Zone) -> Name | None:
    """Give the reverse zone a name lies in: whole octets, so a /22 is several of 24 bits."""
    if name[-len(_ARPA) :] != _ARPA or not len(_ARPA) < len(name) <= len(_ARPA) + 4:
        return None
    octets = []
    for label in reversed(name[: -len(_ARPA)]):
        # RFC 1035, 3.5: a decimal number without leading zeroes.
        if not label.isdigit() or len(label) > 3 or label != b"%d" % int(label) or int(label) > 255:
            return None
        octets.append(int(label))
    for network in zone.reverse:
        depth = min(max(-(-network.prefixlen // 8), 1), 3)
        if len(octets) < depth:
            continue
        lowest = int.from_bytes(bytes(octets + [0] * (4 - len(octets))), "big")
        # A whole address must lie in the network itself: its neighbours are not ours.
        bits = network.prefixlen if len(octets) == 4 else min(network.prefixlen, 8 * depth)
        shift = 32 - bits
        if lowest >> shift == int(network.network_address) >> shift:
            return name[-depth - len(_ARPA) :]
    return None


def _record(owner: DNSLabel, data: A | PTR | NS | SOA, zone: Zone) -> RR:
    return RR(owner, QTYPE.reverse[type(data).__name__], ttl=zone.ttl, rdata=data)


def _soa(owner: DNSLabel, zone: Zone) -> RR:
    """Build the SOA: nobody transfers this zone, so only `minimum` matters (RFC 2308, 4)."""
    times = (zone.serial, 3600, 600, 86400, zone.ttl)
    mailbox = DNSLabel((b"hostmaster", *zone.apex))
    return _record(owner, SOA(DNSLabel(zone.server), mailbox, times), zone)


def _pack(
    raw: bytes,
    question: DNSQuestion,
    found: _Found,
    zone: Zone,
    edns: _Edns | None,
    limit: int,
) -> bytes:
    header = DNSHeader(
        id=int.from_bytes(raw[:2], "big"),
        qr=1,
        aa=int(found.rcode in (_NOERROR, _NXDOMAIN)),
        rd=raw[2] & 1,
        ra=0,
        rcode=found.rcode & 0xF,
    )
    opt = [EDNS0(udp_len=UDP_LIMIT, ext_rcode=found.rcode >> 4)] if edns else []
    authority = [] if found.negative is None else [_soa(DNSLabel(found.negative), zone)]
    full = DNSRecord(
        header, q=question, rr=list(found.answers), auth=authority, ar=[*found.extra, *opt]
    )
    reply = bytes(full.pack())  # dnslib gives a bytearray
    if len(reply) > limit:
        header.tc = 1
        reply = bytes(DNSRecord(header, q=question, ar=opt).pack())
    return reply


def _type_name(qtype: int) -> str:
    return str(QTYPE.forward.get(qtype, f"TYPE{qtype}"))


def _all(given: IPv4Address | tuple[IPv4Address, ...]) -> tuple[IPv4Address, ...]:
    return given if isinstance(given, tuple) else (given,)


def _name(text: str) -> Name:
    """Read a name of the zone. Raises WireError for what DNS cannot carry."""
    try:
        labels = tuple(part.encode("ascii").lower() for part in text.rstrip(".").split("."))
    except UnicodeEncodeError as fault:
        raise WireError(f"{text!r} is not an ASCII name", fix="use its xn-- form") from fault
    too_long = sum(len(label) + 1 for label in labels) > 254
    if too_long or any(not 1 <= len(label) <= 63 for label in labels):
        raise WireError(f"{text!r} is not a DNS name", why="labels of 1 to 63, 253 in all")
    return labels


def _under(text: str, apex: Name) -> Name:
    """Read a name of a host, relative to the apex unless it already ends in it."""
    if text == "@":
        return apex
    name = _name(text)
    if name[-len(apex) :] == apex:
        return name
    return _name(b".".join((*name, *apex)).decode("ascii"))
