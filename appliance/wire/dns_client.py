"""Asking a name server: a question's bytes, and what the reply's bytes say. Over dnslib's codec.

Sources: RFC 1034, RFC 1035. The id is given by the caller, who knows chance.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from ipaddress import IPv4Address

from dnslib import QTYPE, DNSError, DNSHeader, DNSQuestion, DNSRecord
from dnslib.buffer import BufferError as DnsBufferError
from dnslib.label import DNSLabelError

from appliance.errors import WireError

_RCODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server said: its code, addresses (A) and names (PTR), in its order."""

    rcode: str
    authoritative: bool
    addresses: tuple[IPv4Address, ...] = ()
    names: tuple[str, ...] = ()


def question(name: str, kind: str, *, number: int) -> bytes:
    """Ask for the `A` or `PTR` records of a name, without recursion."""
    header = DNSHeader(id=number & 0xFFFF, rd=0)
    return bytes(DNSRecord(header, q=DNSQuestion(name, QTYPE.reverse[kind])).pack())


def reverse_name(address: IPv4Address) -> str:
    """Give the name under which an address is looked up in reverse."""
    return address.reverse_pointer


def read(raw: bytes, *, number: int) -> Reply:
    """Read the reply to the question of that number. Raises WireError, and nothing else."""
    try:
        record = DNSRecord.parse(raw)
        if record.header.id != number & 0xFFFF or not record.header.qr or record.header.tc:
            raise WireError("this DNS message is no whole reply to that question")
        answers = [(QTYPE.forward.get(each.rtype), str(each.rdata)) for each in record.rr]
        return Reply(
            rcode=_RCODES.get(record.header.rcode, str(record.header.rcode)),
            authoritative=bool(record.header.aa),
            addresses=tuple(IPv4Address(value) for kind, value in answers if kind == "A"),
            names=tuple(value.rstrip(".").lower() for kind, value in answers if kind == "PTR"),
        )
    except (DNSError, DNSLabelError, DnsBufferError, ValueError, IndexError, struct.error) as fault:
        raise WireError("a DNS reply that cannot be read", why=str(fault)) from fault
