"""Our DNS answers are those of dnspython's own zone, for generated zones and questions."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.zone
from hypothesis import given
from hypothesis import strategies as st

from appliance.wire.dns import Zone, answer

NETWORK = IPv4Network("10.20.0.0/22")
SERVER = IPv4Address("10.20.0.5")

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
relative = st.lists(labels, min_size=1, max_size=3).map(".".join)
inside = st.integers(0, NETWORK.num_addresses - 1).map(lambda n: NETWORK[n])
hosts = st.dictionaries(relative, inside, max_size=6)
kinds = st.sampled_from(["A", "AAAA", "NS", "SOA", "PTR", "TXT", "MX"])


def ours(given_hosts: dict[str, IPv4Address]) -> Zone:
    """The zone as this product holds it."""
    return Zone("alpha.lan", given_hosts, (NETWORK,), "bridge", SERVER)


def theirs(given_hosts: dict[str, IPv4Address]) -> dns.zone.Zone:
    """The same zone as a zone file, read by dnspython."""
    lines = [
        "$TTL 60",
        "@ SOA bridge hostmaster 1 3600 600 86400 60",
        "@ NS bridge",
        *([] if "bridge" in given_hosts else [f"bridge A {SERVER}"]),
        *(f"{name} A {address}" for name, address in given_hosts.items()),
    ]
    return dns.zone.from_text("\n".join(lines), origin="alpha.lan.", relativize=False)


def mixed(text: str, seed: int) -> str:
    """The same name in another case."""
    return "".join(c.upper() if seed >> i % 31 & 1 else c for i, c in enumerate(text))


def ask(zone: Zone, name: str, kind: str) -> dns.message.Message:
    """The reply to one question, read by dnspython; the question must come back unchanged."""
    query = dns.message.make_query(name, kind)
    given_back = answer(query.to_wire(), zone).reply
    assert given_back is not None
    reply = dns.message.from_wire(given_back)
    assert query.is_response(reply)
    assert reply.question[0].name.labels == query.question[0].name.labels
    return reply


@given(hosts, st.data(), kinds, st.integers(0, 2**31 - 1))
def test_forward_answers_agree(
    given_hosts: dict[str, IPv4Address], data: st.DataObject, kind: str, seed: int
) -> None:
    """Answer, NODATA and NXDOMAIN, as the zone's tree has it, in any case."""
    known = sorted({*given_hosts, "bridge"})
    name = data.draw(st.one_of(st.sampled_from(known), relative)) + ".alpha.lan."
    reply = ask(ours(given_hosts), mixed(name, seed), kind)
    zone = theirs(given_hosts)
    asked = dns.name.from_text(name)
    expected = zone.get_rdataset(asked, kind)

    exists = any(owner.is_subdomain(asked) for owner in zone)
    assert reply.rcode() == (dns.rcode.NOERROR if exists else dns.rcode.NXDOMAIN)
    assert reply.flags & dns.flags.AA
    if expected is None:
        assert reply.answer == []
        assert [r.to_rdataset() for r in reply.authority] == [
            zone.get_rdataset("alpha.lan.", "SOA"),
        ]
    else:
        assert [r.to_rdataset() for r in reply.answer] == [expected]


@given(hosts, inside)
def test_reverse_answers_agree(given_hosts: dict[str, IPv4Address], other: IPv4Address) -> None:
    """Each address leads back to all its names, and to no other."""
    zone = ours(given_hosts)
    named = {**({} if "bridge" in given_hosts else {"bridge": SERVER}), **given_hosts}
    for address in {*named.values(), other}:
        reply = ask(zone, dns.reversename.from_address(str(address)).to_text(), "PTR")
        targets = {rdata.target.to_text() for rrset in reply.answer for rdata in rrset}

        assert targets == {f"{n}.alpha.lan." for n, owner in named.items() if owner == address}
        assert reply.rcode() == (dns.rcode.NOERROR if targets else dns.rcode.NXDOMAIN)


@given(hosts, st.lists(labels, max_size=4).map(lambda parts: ".".join([*parts, "example"])), kinds)
def test_what_is_outside_is_refused(
    given_hosts: dict[str, IPv4Address], name: str, kind: str
) -> None:
    """Whatever the name, nothing of it is answered."""
    reply = ask(ours(given_hosts), name, kind)

    assert reply.rcode() == dns.rcode.REFUSED
    assert reply.answer == reply.authority == reply.additional == []


@given(hosts, st.integers(512, 4096), st.integers(60, 1232))
def test_no_reply_is_larger_than_allowed(
    given_hosts: dict[str, IPv4Address], payload: int, udp_limit: int
) -> None:
    """The client's EDNS size and our own limit hold; a truncated reply still parses."""
    zone = ours({f"{name}.{name}": NETWORK[9] for name in given_hosts})
    query = dns.message.make_query("9.0.20.10.in-addr.arpa", "PTR", use_edns=0, payload=payload)
    given_back = answer(query.to_wire(), zone, udp_limit=udp_limit).reply
    whole = answer(query.to_wire(), zone, udp_limit=None).reply
    assert given_back is not None
    assert whole is not None
    limit = min(payload, udp_limit)

    assert len(given_back) <= limit
    if len(whole) <= limit:
        assert given_back == whole
    else:
        reply = dns.message.from_wire(given_back)
        assert reply.flags & dns.flags.TC
        assert reply.answer == reply.authority == []
