"""Authoritative DNS for one site: a query's bytes in, the reply's bytes out, over dnslib's codec.

Sources: RFC 1034, RFC 1035, RFC 2308 (negative answers), RFC 6891 (EDNS), RFC 8482 (ANY),
RFC 9619 (one question).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

UDP_LIMIT = 1232  # DNS flag day 2020: fits every path without fragments


@dataclass(frozen=True, slots=True)
class Zone:
    """The site's zone.

    `origin` is the domain (`alpha.lan`); `hosts` maps names to addresses, either bare labels
    (`hv1`) or names already under the origin; the origin itself is `@`. `server_name` names this
    server (a bare label or under the origin) and `address` is where it answers. PTR records are
    given for hosts inside `reverse`. `ttl` and `serial` go to the SOA.
    """

    origin: str
    hosts: Mapping[str, IPv4Address]
    reverse: tuple[IPv4Network, ...]
    server_name: str
    address: IPv4Address
    ttl: int = 60
    serial: int = 1


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
    rcode: str | None = field(default=None)


def answer(raw: bytes, zone: Zone, *, udp_limit: int | None = UDP_LIMIT) -> Answer:
    """Answer one query. Never raises for any bytes.

    `udp_limit` is the largest UDP reply in octets; None means TCP, where nothing is truncated.
    """
    raise NotImplementedError
