"""Questions that servers understand, and replies read for what they say."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import dns.message
import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.errors import WireError
from appliance.wire.dns import Zone, answer, grouped
from appliance.wire.dns_client import question, read, reverse_name

SERVERS = (IPv4Address("10.20.0.21"), IPv4Address("10.20.0.22"))
ZONE = Zone(
    "alpha.lan",
    grouped([("s1", SERVERS[0]), *(("cluster", each) for each in SERVERS)]),
    (IPv4Network("10.20.0.0/24"),),
    "staging",
    IPv4Address("10.20.0.5"),
)


def ask(name: str, kind: str) -> bytes:
    """Ask our own zone; give the reply's bytes."""
    reply = answer(question(name, kind, number=7), ZONE).reply
    assert reply is not None
    return reply


def test_a_question_is_what_dnspython_writes() -> None:
    """Name, type and id; nothing is asked to be looked up elsewhere."""
    asked = dns.message.from_wire(question("S1.alpha.lan", "A", number=0x1234))
    assert (asked.id, str(asked.question[0])) == (0x1234, "S1.alpha.lan. IN A")
    assert asked.flags == 0


def test_replies_say_addresses_and_names() -> None:
    """Of one machine, of a name with several, in reverse."""
    one = read(ask("s1.alpha.lan", "A"), number=7)
    assert (one.rcode, one.authoritative, one.addresses) == ("NOERROR", True, SERVERS[:1])
    assert set(read(ask("cluster.alpha.lan", "A"), number=7).addresses) == set(SERVERS)
    back = read(ask(reverse_name(SERVERS[0]), "PTR"), number=7)
    assert back.names == ("s1.alpha.lan",)
    assert read(ask("none.alpha.lan", "A"), number=7).rcode == "NXDOMAIN"
    assert read(ask("other.example", "A"), number=7).rcode == "REFUSED"


def test_a_reply_to_another_question_is_none() -> None:
    """Another id, a question in place of a reply, a truncated one."""
    reply = ask("s1.alpha.lan", "A")
    with pytest.raises(WireError):
        read(reply, number=8)
    with pytest.raises(WireError):
        read(question("s1.alpha.lan", "A", number=7), number=7)
    with pytest.raises(WireError):
        read(reply[:2] + bytes((reply[2] | 2,)) + reply[3:], number=7)


@given(st.binary(max_size=200))
def test_garbage_raises_the_one_error(raw: bytes) -> None:
    """Or is read."""
    for octets in (raw, b"\x00\x07\x84\x00" + raw):
        try:
            read(octets, number=7)
        except WireError:
            continue
