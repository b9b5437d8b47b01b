"""The site's names are answered, all else is refused with a finding, and nothing raises."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import dns.edns
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest

from appliance.errors import WireError
from appliance.wire.dns import Answer, Zone, answer, grouped

HV1 = IPv4Address("10.20.0.11")
VIP = IPv4Address("10.20.3.10")
ZONE = Zone(
    origin="alpha.lan",
    hosts={
        "hv1": HV1,
        "vip": VIP,
        "harvester.alpha.lan.": VIP,
        "a.deep": IPv4Address("10.99.0.1"),
        "far": IPv4Address("10.20.3.100"),
    },
    reverse=(IPv4Network("10.20.0.0/22"),),
    server_name="bridge",
    address=IPv4Address("10.20.0.5"),
)


def query(name: str, kind: str = "A", **options: object) -> bytes:
    """A query as dnspython writes it."""
    return dns.message.make_query(name, kind, **options).to_wire()  # type: ignore[arg-type]


def ask(name: str, kind: str = "A", **options: object) -> tuple[Answer, dns.message.Message]:
    """Ask the zone; give our answer and the reply as dnspython reads it."""
    raw = query(name, kind, **options)
    given = answer(raw, ZONE)
    assert given.reply is not None
    reply = dns.message.from_wire(given.reply)
    assert reply.id == int.from_bytes(raw[:2], "big")
    assert dns.rcode.to_text(reply.rcode()) == given.rcode
    return given, reply


def texts(reply: dns.message.Message) -> list[str]:
    """The values of the answer section."""
    return [rdata.to_text() for rrset in reply.answer for rdata in rrset]


@pytest.mark.parametrize(
    ("name", "kind", "values"),
    [
        ("hv1.alpha.lan", "A", ["10.20.0.11"]),
        ("harvester.alpha.lan", "A", ["10.20.3.10"]),
        ("bridge.alpha.lan", "A", ["10.20.0.5"]),
        ("hv1.alpha.lan", "ANY", ["10.20.0.11"]),
        ("11.0.20.10.in-addr.arpa", "PTR", ["hv1.alpha.lan."]),
        ("10.3.20.10.in-addr.arpa", "PTR", ["vip.alpha.lan.", "harvester.alpha.lan."]),
        ("11.0.20.10.in-addr.arpa", "ANY", ["hv1.alpha.lan."]),
        ("alpha.lan", "NS", ["bridge.alpha.lan."]),
        ("3.20.10.in-addr.arpa", "NS", ["bridge.alpha.lan."]),
        ("100.3.20.10.in-addr.arpa", "PTR", ["far.alpha.lan."]),
    ],
)
def test_what_the_zone_holds_is_answered_with_authority(
    name: str, kind: str, values: list[str]
) -> None:
    """Forward, reverse and the server's own records; AA is set, RA is not."""
    given, reply = ask(name, kind)

    assert texts(reply) == values
    assert given.rcode == "NOERROR"
    assert given.log is None
    assert reply.flags & dns.flags.AA
    assert not reply.flags & dns.flags.RA
    assert (given.qname, given.qtype) == (f"{name}.", kind)


@pytest.mark.parametrize("kind", ["SOA", "ANY"])
def test_an_apex_has_its_soa(kind: str) -> None:
    """ANY at the apex gives one record set, as RFC 8482, 4.1 allows."""
    _, reply = ask("alpha.lan", kind)

    assert texts(reply) == ["bridge.alpha.lan. hostmaster.alpha.lan. 1 3600 600 86400 60"]
    assert texts(ask("0.20.10.in-addr.arpa", "SOA")[1]) == texts(reply)


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "owner"),
    [
        ("nobody.alpha.lan", "A", "NXDOMAIN", "alpha.lan."),
        ("x.hv1.alpha.lan", "A", "NXDOMAIN", "alpha.lan."),
        ("hv1.alpha.lan", "AAAA", "NOERROR", "alpha.lan."),
        ("alpha.lan", "A", "NOERROR", "alpha.lan."),
        ("deep.alpha.lan", "A", "NOERROR", "alpha.lan."),
        ("12.0.20.10.in-addr.arpa", "PTR", "NXDOMAIN", "0.20.10.in-addr.arpa."),
        ("11.0.20.10.in-addr.arpa", "A", "NOERROR", "0.20.10.in-addr.arpa."),
        ("0.20.10.in-addr.arpa", "PTR", "NOERROR", "0.20.10.in-addr.arpa."),
    ],
)
def test_a_negative_answer_carries_the_soa(name: str, kind: str, rcode: str, owner: str) -> None:
    """RFC 2308: so that the client may keep the negative answer; an empty name is no NXDOMAIN."""
    given, reply = ask(name, kind)

    assert given.rcode == rcode
    assert reply.answer == []
    assert [(r.name.to_text(), r.rdtype) for r in reply.authority] == [(owner, dns.rdatatype.SOA)]


@pytest.mark.parametrize(
    "name",
    [
        "example.com",
        "lan",
        ".",
        "notalpha.lan",
        "11.4.20.10.in-addr.arpa",
        "20.10.in-addr.arpa",
        "011.0.20.10.in-addr.arpa",
        "256.0.20.10.in-addr.arpa",
        "x.0.20.10.in-addr.arpa",
        "1.11.0.20.10.in-addr.arpa",
        "11.0.20.10.example.com",
        "in-addr.arpa",
    ],
)
def test_what_lies_outside_is_refused_with_a_finding(name: str) -> None:
    """The operator learns which machine still looks for the Internet."""
    given, reply = ask(name)

    assert given.rcode == "REFUSED"
    assert given.log is not None
    assert "outside alpha.lan" in given.log
    assert reply.answer == reply.authority == []
    assert not reply.flags & dns.flags.AA


def test_a_part_network_answers_only_for_itself() -> None:
    """Of a /26 the neighbours in the same 24 bits belong to another server."""
    zone = Zone("a.lan", {"h": HV1}, (IPv4Network("10.20.0.0/26"),), "b", IPv4Address("10.20.0.5"))

    assert answer(query("11.0.20.10.in-addr.arpa", "PTR"), zone).rcode == "NOERROR"
    assert answer(query("60.0.20.10.in-addr.arpa", "PTR"), zone).rcode == "NXDOMAIN"
    assert answer(query("64.0.20.10.in-addr.arpa", "PTR"), zone).rcode == "REFUSED"


def test_names_between_apex_and_hosts_exist() -> None:
    """In a /16 the name of three octets is empty, not absent, when a host lies below."""
    zone = Zone("a.lan", {"h": HV1}, (IPv4Network("10.20.0.0/16"),), "b", IPv4Address("10.20.0.5"))

    assert answer(query("0.20.10.in-addr.arpa", "PTR"), zone).rcode == "NOERROR"
    assert answer(query("7.20.10.in-addr.arpa", "PTR"), zone).rcode == "NXDOMAIN"


def test_a_network_of_eight_bits_has_an_apex_of_one_label() -> None:
    """The reverse zone of 10.0.0.0/8 is `10.in-addr.arpa`."""
    zone = Zone("a.lan", {"h": HV1}, (IPv4Network("10.0.0.0/8"),), "b", IPv4Address("10.20.0.5"))

    assert answer(query("10.in-addr.arpa", "SOA"), zone).rcode == "NOERROR"
    assert answer(query("20.10.in-addr.arpa", "PTR"), zone).rcode == "NOERROR"
    assert answer(query("21.10.in-addr.arpa", "PTR"), zone).rcode == "NXDOMAIN"
    assert answer(query("11.in-addr.arpa", "SOA"), zone).rcode == "REFUSED"


@pytest.mark.parametrize("flags", [dns.flags.RD, dns.flags.Flag(0), dns.flags.AD, dns.flags.CD])
def test_only_the_recursion_wish_is_repeated(flags: dns.flags.Flag) -> None:
    """RD comes back as it was sent (RFC 1035, 4.1.1); AD and CD mean nothing here."""
    message = dns.message.make_query("hv1.alpha.lan", "A")
    message.flags = flags
    reply = answer(message.to_wire(), ZONE).reply
    assert reply is not None

    expected = dns.flags.QR | dns.flags.AA | (flags & dns.flags.RD)
    assert dns.message.from_wire(reply).flags == expected


def test_the_question_comes_back_as_it_was_written() -> None:
    """Resolvers mix the case on purpose and compare (0x20)."""
    raw = query("hV1.AlPhA.lAn")
    reply = answer(raw, ZONE).reply

    assert reply is not None
    assert reply[12 : 12 + len(raw) - 12] == raw[12:]
    assert texts(dns.message.from_wire(reply)) == ["10.20.0.11"]


def test_a_dot_inside_a_label_is_not_a_separator() -> None:
    r"""`hv1\.alpha` is one label, and no name of ours."""
    assert ask(r"hv1\.alpha.lan")[0].rcode == "REFUSED"


@pytest.mark.parametrize("kind", ["CH", "ANY", "HS"])
def test_other_classes_are_refused(kind: str) -> None:
    """Nobody learns a version from us."""
    assert ask("version.bind", "TXT", rdclass=kind)[0].rcode == "REFUSED"
    assert ask("hv1.alpha.lan", "A", rdclass=kind)[0].rcode == "REFUSED"


def test_a_reply_is_never_answered() -> None:
    """Two servers could else talk for ever."""
    raw = bytearray(query("hv1.alpha.lan"))
    raw[2] |= 0x80

    assert answer(bytes(raw), ZONE).reply is None


@pytest.mark.parametrize("size", [0, 1, 11])
def test_less_than_a_header_gets_no_reply(size: int) -> None:
    """There may be no id to answer to."""
    given = answer(bytes(size), ZONE)

    assert given.reply is None
    assert given.log is not None


@pytest.mark.parametrize("opcode", [dns.opcode.UPDATE, dns.opcode.NOTIFY, dns.opcode.IQUERY])
def test_other_opcodes_are_not_implemented(opcode: dns.opcode.Opcode) -> None:
    """Dynamic updates from DHCP clients, for one."""
    message = dns.message.Message(id=77)
    message.set_opcode(opcode)
    given = answer(message.to_wire(), ZONE)
    assert given.reply is not None

    assert given.rcode == "NOTIMP"
    assert given.reply[:4] == bytes((0, 77, 0x80 | opcode << 3, 4))
    assert given.reply[4:] == bytes(8)


def header(*counts: int) -> bytes:
    """A query's header with the counts of the four sections."""
    return b"\0\x07\x01\0" + b"".join(count.to_bytes(2, "big") for count in counts)


QUESTION = b"\x03hv1\x05alpha\x03lan\0\0\x01\0\x01"
OPT = b"\0\0\x29\x10\0\0\0\0\0\0\0"


@pytest.mark.parametrize(
    "raw",
    [
        header(0, 0, 0, 0),
        header(2, 0, 0, 0) + QUESTION * 2,
        header(1, 1, 0, 0) + QUESTION,
        header(1, 0, 0, 0),
        header(1, 0, 0, 0) + QUESTION[:-1],
        header(1, 0, 0, 0) + b"\xc0\x0c\0\x01\0\x01",
        header(1, 0, 0, 0) + b"\xc0\xff\0\x01\0\x01",
        header(1, 0, 0, 0) + b"\x40" + bytes(64) + b"\0\0\x01\0\x01",
        header(1, 0, 0, 0) + (b"\x3f" + b"a" * 63) * 5 + b"\0\0\x01\0\x01",
        header(1, 0, 0, 1) + QUESTION,
        header(1, 0, 0, 1) + QUESTION + OPT[:-1],
        header(1, 0, 0, 2) + QUESTION + OPT * 2,
        header(1, 0, 0, 1) + QUESTION + b"\x01a" + OPT,
    ],
)
def test_a_malformed_query_gets_formerr(raw: bytes) -> None:
    """One readable question and one OPT record at most (RFC 9619, RFC 6891)."""
    given = answer(raw, ZONE)
    assert given.reply is not None

    assert given.rcode == "FORMERR"
    assert given.reply == b"\0\x07\x81\x01" + bytes(8)


def test_a_signed_query_is_answered() -> None:
    """Additional records other than OPT are passed over, whatever their owner."""
    raw = header(1, 0, 0, 2) + QUESTION + b"\x01k\xc0\x0c\0\xfa\0\xff" + bytes(6) + OPT

    assert answer(raw, ZONE).rcode == "NOERROR"


def test_an_edns_client_gets_edns_back() -> None:
    """With our own size; without an OPT record there is none in the reply."""
    assert ask("hv1.alpha.lan", use_edns=0, payload=4096)[1].payload == 1232
    assert ask("hv1.alpha.lan", use_edns=False)[1].edns == -1


def test_another_edns_version_is_refused() -> None:
    """RFC 6891, 6.1.3: BADVERS, and our version 0."""
    given, reply = ask("hv1.alpha.lan", use_edns=1)

    assert given.rcode == "BADVERS"
    assert reply.edns == 0
    assert reply.answer == []


CROWD = Zone(
    "alpha.lan",
    {f"service-with-a-long-name-{n:02}": VIP for n in range(60)},
    (IPv4Network("10.20.0.0/22"),),
    "bridge",
    IPv4Address("10.20.0.5"),
)


@pytest.mark.parametrize(
    ("payload", "udp_limit", "truncated"),
    [
        (None, 1232, True),
        (512, 1232, True),
        (4096, 1232, True),
        (4096, 4096, False),
        (None, None, False),
    ],
)
def test_a_reply_too_large_is_truncated(
    payload: int | None,
    udp_limit: int | None,
    truncated: bool,  # noqa: FBT001 - a table's column
) -> None:
    """TC above 512 without EDNS, above the client's size or 1232 with it; never over TCP."""
    edns: dict[str, object] = (
        {"use_edns": 0, "payload": payload} if payload else {"use_edns": False}
    )
    raw = query("10.3.20.10.in-addr.arpa", "PTR", **edns)
    reply = answer(raw, CROWD, udp_limit=udp_limit).reply
    assert reply is not None
    read = dns.message.from_wire(reply)

    assert bool(read.flags & dns.flags.TC) is truncated
    assert len(texts(read)) == (0 if truncated else 60)
    if udp_limit is not None:
        assert len(reply) <= (max(payload, 512) if payload else 512)
        assert len(reply) <= udp_limit


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, "naïve", ".".join(["x" * 60] * 5)])
def test_names_that_dns_cannot_carry_are_refused(name: str) -> None:
    """A zone is valid once made."""
    with pytest.raises(WireError):
        Zone("alpha.lan", {name: HV1}, (), "bridge", HV1)


def test_a_name_may_have_253_characters() -> None:
    """255 octets on the wire (RFC 1035, 2.3.4)."""
    longest = ".".join(["x" * 60] * 3 + ["y" * 60])  # 243, and `.alpha.lan` is ten more
    zone = Zone("alpha.lan", {longest: HV1}, (), "bridge", HV1)
    reply = answer(query(f"{longest}.alpha.lan"), zone).reply
    assert reply is not None

    assert texts(dns.message.from_wire(reply)) == [str(HV1)]
    with pytest.raises(WireError):
        Zone("alpha.lan", {longest + "y": HV1}, (), "bridge", HV1)


def test_the_limit_without_edns_is_512_octets() -> None:
    """RFC 1035, 4.2.1, to the octet."""
    raw = query("10.3.20.10.in-addr.arpa", "PTR", use_edns=False)
    fits = {}
    for pad in range(1, 64):
        hosts = {f"host-{n:02}": VIP for n in range(18)} | {"p" * pad: VIP}
        zone = Zone("alpha.lan", hosts, ZONE.reverse, "bridge", HV1)
        whole = answer(raw, zone, udp_limit=None).reply
        assert whole is not None
        fits[len(whole)] = answer(raw, zone).reply == whole

    assert {512, 513} <= fits.keys()
    assert all(fit == (size <= 512) for size, fit in fits.items())


def test_the_apex_itself_may_have_an_address() -> None:
    """`@`, as in zone files."""
    zone = Zone("alpha.lan", {"@": VIP}, (), "bridge", HV1)
    reply = answer(query("alpha.lan"), zone).reply
    assert reply is not None

    assert texts(dns.message.from_wire(reply)) == [str(VIP)]


SERVERS = tuple(IPv4Address(f"10.20.0.{21 + number}") for number in range(3))
CLUSTER = Zone(
    "alpha.lan",
    grouped([("cluster", each) for each in SERVERS] + [("s1", SERVERS[0]), ("s1", SERVERS[0])]),
    ZONE.reverse,
    "bridge",
    HV1,
)


def test_a_name_of_several_addresses_gives_them_all_each_first_in_turn() -> None:
    """Clients that take only the first address spread over the machines."""
    firsts = set()
    for number in range(3):
        raw = dns.message.make_query("cluster.alpha.lan", "A", id=number).to_wire()
        given = answer(raw, CLUSTER)
        assert given.reply is not None
        found = texts(dns.message.from_wire(given.reply))
        assert sorted(found) == [str(each) for each in SERVERS]
        firsts.add(found[0])

    assert firsts == {str(each) for each in SERVERS}


def test_a_name_of_several_addresses_is_no_machines_name() -> None:
    """The reverse of a server's address is the server alone, though the cluster has it too."""
    given = answer(query("21.0.20.10.in-addr.arpa", "PTR"), CLUSTER)

    assert given.reply is not None
    assert texts(dns.message.from_wire(given.reply)) == ["s1.alpha.lan."]
