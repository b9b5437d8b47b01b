"""The answer to each DHCP packet: RFC 2131, PXE, and every DHCP row of the boot-protocol facts.

`Facts 6.n` is row n of the table "Boot-protocol facts to encode as tests".
"""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.boot.client import PROBE_CLASS, BootClient
from appliance.boot.decide import Action
from appliance.boot.dhcp import KNOWN_SECONDS, SHORT_SECONDS, DhcpOutcome
from appliance.boot.leases import Hold
from appliance.errors import WireError
from appliance.machines.state import Record, Seen, State
from appliance.values import Mac
from appliance.wire.dhcp4 import (
    UNSPECIFIED,
    Delivery,
    MessageType,
    Op,
    Packet,
    decode,
    deliver_to,
    encode,
    reply_budget,
)
from appliance.wire.dhcp4_options import IpxeOption, OptionCode, decode_suboptions, of_address
from tests.unit.boot.dhcp_packets import (
    BRIDGE,
    KNOWN,
    NETWORK,
    NODE,
    RESERVED,
    STRANGER,
    UUID_OPTION,
    Bench,
    captured,
    options_of,
    request,
)

DISCOVER, REQUEST = MessageType.DISCOVER, MessageType.REQUEST
PROXY = replace(NETWORK, proxy=True)
FROM_US: dict[int, bytes] = {OptionCode.SERVER_ID: of_address(BRIDGE)}


def reply_of(outcome: DhcpOutcome) -> Packet:
    """Give the reply as the client reads it from the wire."""
    assert outcome.reply is not None, outcome.reason
    return decode(encode(outcome.reply))


def wanting(address: IPv4Address) -> dict[int, bytes]:
    """Ask for an address."""
    return {OptionCode.REQUESTED_ADDRESS: of_address(address)}


def take(bench: Bench, kind: str = "system", mac: Mac = KNOWN) -> Packet:
    """Go through DISCOVER and REQUEST; give the ACK."""
    offer = reply_of(bench.ask(request(DISCOVER, options_of(kind), mac=mac)))
    options = options_of(kind) | FROM_US | wanting(offer.yiaddr)
    ack = reply_of(bench.ask(request(REQUEST, options, mac=mac)))
    assert ack.message_type is MessageType.ACK
    assert ack.yiaddr == offer.yiaddr
    return ack


# ---------------------------------------------------------------------- captures


_BY_HTTP = f"http://{BRIDGE}/ipxe/snponly.efi"
LED_TO = {
    "bios-ipxe-rom": [],
    "ovmf-pxe": ["snponly.efi"],
    "ovmf-http": ["snponly.efi", _BY_HTTP],
    "lab-bios": [],
    "lab-uefi-pxe": ["snponly.efi"],
    "lab-uefi-http": [_BY_HTTP],
}
"""What each captured machine is given before its script."""


@pytest.mark.parametrize("name", sorted(LED_TO))
def test_captured_machines_are_served_to_their_script(name: str) -> None:
    """Each packet of the real firmware, in order, gets the answer that takes it one step on."""
    packets = list(captured(name))
    node = replace(NODE, macs=(packets[0].mac,))
    bench = Bench(machines=(node,))
    files: list[str] = []
    for packet in packets:
        if packet.message_type is REQUEST:
            # What the captured client took came from the capture's own network.
            ours = FROM_US | wanting(RESERVED)
            options = packet.options
            for code, value in ours.items():
                options = options.with_(code, value)
            packet = replace(packet, options=options)  # noqa: PLW2901 (the same packet, on our network)
        outcome = bench.ask(packet)
        assert outcome.reply is not None
        raw = encode(outcome.reply, max_size=min(reply_budget(packet), 1472))
        reply = decode(raw)
        expected = MessageType.OFFER if packet.message_type is DISCOVER else MessageType.ACK
        assert reply.message_type is expected
        assert (reply.xid, reply.chaddr) == (packet.xid, packet.chaddr)
        assert reply.yiaddr == RESERVED
        assert reply.options[OptionCode.MACHINE_ID] == packet.options[OptionCode.MACHINE_ID]
        assert reply.options[OptionCode.BOOT_FILE_NAME] == reply.file
        via = Delivery.BROADCAST if packet.broadcast else Delivery.HARDWARE
        assert deliver_to(reply, packet).via is via
        files.append(reply.file.decode())
    script = f"http://{BRIDGE}/m/{packets[0].mac.bare}.ipxe"
    assert list(dict.fromkeys(files)) == [*LED_TO[name], script]


# ---------------------------------------------------------------------- the boot-protocol facts


def test_facts_1_and_3_proxy_offer_boots_without_port_4011() -> None:
    """Facts 6.1, 6.3: option 60 `PXEClient` and option 43 {6: 8}, and no address at all."""
    reply = reply_of(Bench(PROXY).ask(request(DISCOVER, options_of("pxe"))))
    assert reply.message_type is MessageType.OFFER
    assert reply.yiaddr == UNSPECIFIED
    assert reply.options[OptionCode.VENDOR_CLASS] == b"PXEClient"
    assert decode_suboptions(reply.options[OptionCode.VENDOR_SPECIFIC])[6] == b"\x08"
    assert reply.file == b"snponly.efi"
    assert reply.siaddr == BRIDGE
    assert not {1, 3, 6, 51, 58, 59} & set(reply.options)


@pytest.mark.parametrize("network", [NETWORK, PROXY])
def test_fact_2_port_4011_is_answered_with_an_ack(network: object) -> None:
    """Facts 6.2: firmware sent there by any server gets its boot file, in both modes."""
    bench = Bench(PROXY if network is PROXY else NETWORK)
    address = IPv4Address("10.20.0.77")
    outcome = bench.ask(request(REQUEST, options_of("pxe"), ciaddr=address), port=4011)
    reply = reply_of(outcome)
    assert reply.message_type is MessageType.ACK
    assert reply.ciaddr == address
    assert reply.yiaddr == UNSPECIFIED
    assert reply.file == b"snponly.efi"
    assert reply.options[OptionCode.VENDOR_CLASS] == b"PXEClient"
    assert outcome.changes == ()


def test_fact_5_http_boot_gets_its_vendor_class_back_and_a_url() -> None:
    """Facts 6.5: without `HTTPClient` in the offer the client never asks."""
    for network in (NETWORK, PROXY):
        reply = reply_of(Bench(network).ask(request(DISCOVER, options_of("http", 16))))
        assert reply.options[OptionCode.VENDOR_CLASS] == b"HTTPClient"
        assert reply.options[OptionCode.BOOT_FILE_NAME] == b"http://10.20.0.2/ipxe/snponly.efi"
        assert OptionCode.VENDOR_SPECIFIC not in reply.options


@pytest.mark.parametrize("kind", ["pxe", "http", "ipxe"])
def test_fact_8_boot_file_in_header_and_option(kind: str) -> None:
    """Facts 6.8: U-Boot reads only the header, others only option 67."""
    reply = reply_of(Bench().ask(request(DISCOVER, options_of(kind))))
    assert reply.file == reply.options[OptionCode.BOOT_FILE_NAME]
    assert reply.file


def test_facts_9_and_10_script_url_is_short_and_ends_in_ipxe() -> None:
    """Facts 6.9, 6.10."""
    reply = reply_of(Bench().ask(request(DISCOVER, options_of("ipxe"))))
    assert reply.file == b"http://10.20.0.2/m/525400000001.ipxe"


def test_fact_11_machine_id_is_echoed_missing_tolerated_wrong_refused() -> None:
    """Facts 6.11."""
    bench = Bench()
    reply = reply_of(bench.ask(request(DISCOVER, options_of("pxe"))))
    assert reply.options[OptionCode.MACHINE_ID] == UUID_OPTION
    options = options_of("pxe")
    del options[OptionCode.MACHINE_ID]
    assert OptionCode.MACHINE_ID not in reply_of(bench.ask(request(DISCOVER, options))).options
    with pytest.raises(WireError):
        bench.ask(request(DISCOVER, options | {OptionCode.MACHINE_ID: b"\0" * 4}))


def test_fact_12_raspberry_pi_gets_an_address_and_no_pc_file() -> None:
    """Facts 6.12: it reports architecture 0."""
    pi = Mac("2ccf67001122")
    outcome = Bench().ask(request(DISCOVER, options_of("pxe", 0), mac=pi))
    reply = reply_of(outcome)
    assert reply.file == b""
    assert OptionCode.VENDOR_CLASS not in reply.options
    assert "Raspberry Pi" in outcome.events[-1].text
    silent = Bench(PROXY).ask(request(DISCOVER, options_of("pxe", 0), mac=pi))
    assert silent.reply is None
    assert "Raspberry Pi" in silent.reason


@pytest.mark.parametrize("arch", [0, 6, 7, 9, 10, 11, 15, 16, 18, 19, 20, 41])
def test_fact_13_every_architecture_is_offered_an_address(arch: int) -> None:
    """Facts 6.13: accepted all; those without a boot file are told so."""
    outcome = Bench().ask(request(DISCOVER, options_of("pxe", arch)))
    reply = reply_of(outcome)
    assert reply.yiaddr == RESERVED
    files = {0: "undionly.kpxe", 7: "snponly.efi", 9: "snponly.efi", 11: "snponly-arm64.efi"}
    http = {16: "snponly.efi", 19: "snponly-arm64.efi", 20: "undionly.kpxe"}
    expected = files.get(arch) or (f"http://{BRIDGE}/ipxe/{http[arch]}" if arch in http else "")
    if arch not in (16, 19, 20):
        assert reply.file.decode() == expected
    if not expected:
        assert "architecture" in outcome.events[-1].text or "32-bit" in outcome.events[-1].text


def test_fact_13_arm64_says_that_its_file_is_not_shipped() -> None:
    """A boot that will fail says beforehand why."""
    outcome = Bench().ask(request(DISCOVER, options_of("pxe", 11)))
    assert "not shipped" in outcome.events[-1].text


def test_fact_14_ipxe_behind_a_proxy_is_given_its_script() -> None:
    """Facts 6.14: iPXE takes a proxy's offer at once when it says to boot from the offer."""
    reply = reply_of(Bench(PROXY).ask(request(DISCOVER, options_of("ipxe"))))
    assert reply.file.endswith(b".ipxe")
    assert reply.options[OptionCode.VENDOR_CLASS] == b"PXEClient"
    assert decode_suboptions(reply.options[OptionCode.VENDOR_SPECIFIC])[6] == b"\x08"
    assert OptionCode.IPXE not in reply.options


def test_fact_19_refusal_through_a_relay_is_broadcast() -> None:
    """Facts 6.19 (RFC 2131, 4.3.2), and option 82 goes back to the relay."""
    relay = IPv4Address("10.20.0.254")
    options = wanting(IPv4Address("10.20.0.200")) | {OptionCode.RELAY_AGENT: b"\x01\x02ab"}
    packet = request(REQUEST, options, giaddr=relay)
    reply = reply_of(Bench().ask(packet))
    assert reply.message_type is MessageType.NAK
    assert reply.broadcast
    assert reply.options[OptionCode.RELAY_AGENT] == b"\x01\x02ab"
    assert deliver_to(reply, packet).address == relay


def test_fact_20_decline_sets_aside_inform_leases_nothing_release_frees() -> None:
    """Facts 6.20."""
    bench = Bench()
    take(bench)
    declined = bench.ask(request(MessageType.DECLINE, FROM_US | wanting(RESERVED)))
    assert declined.reply is None
    assert declined.changes[0].lease is not None
    assert declined.changes[0].lease.hold is Hold.DECLINED
    assert declined.events[0].kind == "finding"
    assert take(bench).yiaddr != RESERVED
    informed = bench.ask(request(MessageType.INFORM, ciaddr=RESERVED))
    reply = reply_of(informed)
    assert reply.yiaddr == UNSPECIFIED
    assert not {51, 58, 59} & set(reply.options)
    assert reply.options[OptionCode.ROUTER] == NETWORK.gateway.packed
    assert informed.changes == ()
    held = bench.book.lease_of(KNOWN, bench.now)
    assert held is not None
    freed = bench.ask(request(MessageType.RELEASE, ciaddr=held.address))
    assert freed.reply is None
    assert [change.lease for change in freed.changes] == [None]


def test_fact_21_client_id_does_not_matter() -> None:
    """Facts 6.21: firmware, iPXE and the system send different ids and get one address."""
    bench = Bench()
    addresses = set()
    for kind, client_id in (
        ("pxe", b"\0" + UUID_OPTION),
        ("ipxe", b"\1abcdef"),
        ("system", b"\xff"),
    ):
        options = options_of(kind) | {OptionCode.CLIENT_ID: client_id}
        addresses.add(reply_of(bench.ask(request(DISCOVER, options, mac=STRANGER))).yiaddr)
        bench.ask(
            request(REQUEST, options | FROM_US | wanting(next(iter(addresses))), mac=STRANGER)
        )
    assert len(addresses) == 1


# ---------------------------------------------------------------------- addresses


def test_exchange_of_a_known_machine() -> None:
    """Its own address, for twelve hours, with a lease for the disk."""
    bench = Bench()
    ack = take(bench)
    assert ack.yiaddr == RESERVED
    assert ack.options.uint32(OptionCode.LEASE_TIME) == KNOWN_SECONDS
    outcome = bench.ask(request(REQUEST, ciaddr=RESERVED))
    (change,) = outcome.changes
    assert change.lease is not None
    assert change.lease.mac == KNOWN


def test_stranger_boots_with_a_short_lease_and_is_refused_once_known() -> None:
    """Enrolment without touching the machine: its next renewal is refused, then it moves."""
    bench = Bench()
    ack = take(bench, "ipxe", STRANGER)
    assert ack.options.uint32(OptionCode.LEASE_TIME) == SHORT_SECONDS
    assert ack.yiaddr in (NETWORK.pool_first + step for step in range(50))
    own = IPv4Address("10.20.0.12")
    bench.know(NODE, replace(NODE, name="hv2", macs=(STRANGER,), address=own))
    nak = reply_of(bench.ask(request(REQUEST, ciaddr=ack.yiaddr, mac=STRANGER)))
    assert nak.message_type is MessageType.NAK
    assert take(bench, "ipxe", STRANGER).yiaddr == own


def test_strangers_system_is_ignored_unless_it_booted_here() -> None:
    """Somebody's laptop gets nothing from us; a machine that booted from here does."""
    bench = Bench()
    packet = request(DISCOVER, options_of("system"), mac=STRANGER)
    ignored = bench.ask(packet)
    assert ignored.reply is None
    assert ignored.decision is not None
    assert ignored.decision.action is Action.IGNORE
    assert "not booting" in ignored.reason
    booted = take(bench, "ipxe", STRANGER)
    assert reply_of(bench.ask(packet)).yiaddr == booted.yiaddr


def test_wrong_address_after_a_reboot_is_refused() -> None:
    """INIT-REBOOT with an address of another network or another machine: NAK at once."""
    bench = Bench()
    for address in ("192.168.1.7", "10.20.0.12", "10.20.0.120"):
        outcome = bench.ask(request(REQUEST, wanting(IPv4Address(address))))
        reply = reply_of(outcome)
        assert reply.message_type is MessageType.NAK
        assert reply.options[OptionCode.MESSAGE].decode() in outcome.reason
        assert outcome.changes == ()
    right = reply_of(bench.ask(request(REQUEST, wanting(RESERVED))))
    assert right.message_type is MessageType.ACK


def test_lost_leases_come_back_from_the_clients() -> None:
    """With an empty book, a stranger that reboots into a free pool address keeps it."""
    address = IPv4Address("10.20.0.133")
    packet = request(REQUEST, options_of("ipxe") | wanting(address), mac=STRANGER)
    assert reply_of(Bench().ask(packet)).yiaddr == address


@pytest.mark.parametrize("flags", [0, 0x8000])
def test_renewal_goes_to_the_clients_address(flags: int) -> None:
    """A renewal is answered by unicast and proves no new boot."""
    bench = Bench()
    take(bench)
    packet = request(REQUEST, ciaddr=RESERVED, flags=flags)
    outcome = bench.ask(packet)
    assert deliver_to(reply_of(outcome), packet).via is Delivery.UNICAST
    assert not [event for event in outcome.events if event.kind == "evidence"]


def test_request_to_another_server_is_noticed_and_the_offer_dropped() -> None:
    """The client took a rival's offer: say so, and keep nothing for it."""
    bench = Bench()
    bench.ask(request(DISCOVER, options_of("pxe")))
    other = {OptionCode.SERVER_ID: bytes((10, 20, 0, 200)), **wanting(IPv4Address("10.20.0.180"))}
    outcome = bench.ask(request(REQUEST, options_of("pxe") | other))
    assert outcome.reply is None
    assert "10.20.0.200" in outcome.reason
    assert outcome.events[0].kind == "finding"
    assert bench.book.holder_of(RESERVED, bench.now) is None


def test_exhausted_pool_is_a_finding() -> None:
    """No address is free: silence, with the reason."""
    network = replace(NETWORK, pool_last=NETWORK.pool_first)
    bench = Bench(network)
    take(bench, "ipxe", STRANGER)
    outcome = bench.ask(request(DISCOVER, options_of("pxe"), mac=Mac("525400000098")))
    assert outcome.reply is None
    assert outcome.events[0].kind == "finding"
    assert "pool" in outcome.reason


def test_relay_of_our_own_network_is_served_and_another_refused() -> None:
    """A load tester speaks as a relay of our network; another network has no pool here."""
    bench = Bench()
    here = request(DISCOVER, options_of("pxe"), giaddr=IPv4Address("10.20.0.254"))
    reply = reply_of(bench.ask(here))
    assert deliver_to(reply, here).via is Delivery.RELAY
    there = bench.ask(request(DISCOVER, options_of("pxe"), giaddr=IPv4Address("172.16.0.1")))
    assert there.reply is None
    assert "172.16.0.1" in there.reason


@pytest.mark.parametrize(
    ("packet", "words"),
    [
        (replace(request(DISCOVER), op=Op.REPLY), "server's packet"),
        (replace(request(DISCOVER), options=request(DISCOVER).options.without(53)), "BOOTP"),
        (request(MessageType.OFFER), "only servers"),
        (request(REQUEST), "without naming it"),
        (request(MessageType.INFORM), "without saying its address"),
        (request(MessageType.DECLINE), "without naming it"),
        (request(MessageType.DECLINE, wanting(RESERVED)), "not given"),
        (request(MessageType.RELEASE, ciaddr=RESERVED), "does not hold"),
        (request(DISCOVER, {OptionCode.USER_CLASS: PROBE_CLASS.encode()}), "our own search"),
    ],
)
def test_every_silence_has_a_reason(packet: Packet, words: str) -> None:
    """What is not answered says why."""
    outcome = Bench().ask(packet)
    assert outcome.reply is None
    assert words in outcome.reason
    assert outcome.changes == ()


# ---------------------------------------------------------------------- boots and decisions


def test_authoritative_ipxe_is_spared_its_wait_for_a_proxy() -> None:
    """Option 175 with no-pxedhcp; no PXE options, which would mark the offer as a proxy's."""
    reply = reply_of(Bench().ask(request(DISCOVER, options_of("ipxe"))))
    assert decode_suboptions(reply.options[OptionCode.IPXE])[IpxeOption.NO_PXEDHCP] == b"\1"
    assert OptionCode.VENDOR_CLASS not in reply.options


def test_pxe_firmware_is_pointed_to_tftp() -> None:
    """Next server, option 66 and the name; with an address in the same offer."""
    reply = reply_of(Bench().ask(request(DISCOVER, options_of("pxe", 0))))
    assert reply.siaddr == BRIDGE
    assert reply.options[OptionCode.TFTP_SERVER_NAME] == b"10.20.0.2"
    assert reply.options[OptionCode.BOOT_FILE_NAME] == b"undionly.kpxe"
    assert reply.yiaddr == RESERVED


@pytest.mark.parametrize(
    ("node", "record", "action"),
    [
        (NODE, Record(), Action.INSTALL),
        (replace(NODE, installed=True), Record(), Action.OWN_DISK),
        (NODE, Record(state=State.READY), Action.OWN_DISK),
        (replace(NODE, documents=None, hold="its disk is not chosen"), Record(), Action.HOLD),
        (replace(NODE, waits_for="the first machine"), Record(), Action.HOLD),
        (NODE, Record(installs=2), Action.HOLD),
    ],
)
def test_every_decision_but_ignore_gets_ipxe_and_its_script(
    node: object, record: Record, action: Action
) -> None:
    """What the machine does is the script's affair: DHCP gives all of them the way to it."""
    assert isinstance(node, type(NODE))
    bench = Bench(machines=(node,))
    bench.records["hv1"] = record
    outcome = bench.ask(request(DISCOVER, options_of("pxe")))
    assert outcome.decision is not None
    assert outcome.decision.action is action
    assert outcome.reason == outcome.decision.reason
    assert reply_of(outcome).file == b"snponly.efi"
    assert reply_of(bench.ask(request(DISCOVER, options_of("ipxe")))).file.endswith(b".ipxe")


@pytest.mark.parametrize(
    ("kind", "discovered", "requested"),
    [
        ("pxe", Seen.FIRMWARE_DHCP, None),
        ("http", Seen.FIRMWARE_DHCP, None),
        ("ipxe", Seen.IPXE_DHCP, None),
        ("system", None, Seen.SYSTEM_DHCP),
    ],
)
def test_evidence(kind: str, discovered: Seen | None, requested: Seen | None) -> None:
    """Each stage shows itself once in an exchange."""
    bench = Bench()
    first = bench.ask(request(DISCOVER, options_of(kind)))
    second = bench.ask(request(REQUEST, options_of(kind) | FROM_US | wanting(RESERVED)))
    for outcome, expected in ((first, discovered), (second, requested)):
        seen = [event.seen for event in outcome.events if event.kind == "evidence"]
        assert seen == ([expected] if expected else [])
        assert all(event.machine == "hv1" and event.mac == KNOWN for event in outcome.events)


def test_booting_stranger_shows_what_it_is() -> None:
    """The wizard lists it by MAC, UUID and firmware; it is no evidence of any machine."""
    outcome = Bench().ask(request(DISCOVER, options_of("pxe"), mac=STRANGER))
    (event,) = outcome.events
    facts = dict(event.data)
    assert facts["uuid"] == "03020100-0504-0706-0809-0a0b0c0d0e0f"
    assert facts["firmware"] == "uefi-x64"
    assert facts["action"] == "discover"
    assert event.machine is None


def test_proxy_gives_nothing_to_systems_and_never_a_lease() -> None:
    """Beside a site's own server, systems are left alone; a known one's request is evidence."""
    bench = Bench(PROXY)
    assert bench.ask(request(DISCOVER, options_of("system"))).reply is None
    seen = bench.ask(request(REQUEST, wanting(IPv4Address("10.20.0.77"))))
    assert seen.reply is None
    assert [event.seen for event in seen.events] == [Seen.SYSTEM_DHCP]
    assert bench.ask(request(DISCOVER, mac=STRANGER)).reply is None
    assert bench.ask(request(REQUEST, options_of("pxe") | FROM_US)).reply is None
    assert bench.book.leases(bench.now) == ()


def test_port_4011_is_for_firmware() -> None:
    """A system that strays there is not answered, nor is a release."""
    bench = Bench()
    assert "firmware" in bench.ask(request(REQUEST, options_of("system")), port=4011).reason
    assert (
        "requests only"
        in bench.ask(request(MessageType.RELEASE, options_of("pxe")), port=4011).reason
    )
    offer = reply_of(bench.ask(request(DISCOVER, options_of("pxe")), port=4011))
    assert offer.message_type is MessageType.OFFER
    assert offer.yiaddr == UNSPECIFIED


OPTIONS = st.dictionaries(st.integers(1, 254), st.binary(max_size=30), max_size=10)


@settings(max_examples=200, deadline=None)
@given(
    message=st.sampled_from(MessageType),
    kind=st.sampled_from(["pxe", "http", "ipxe", "system"]),
    extra=OPTIONS,
    port=st.sampled_from([67, 4011]),
    proxy=st.booleans(),
    known=st.booleans(),
)
def test_anything_is_answered_refused_or_left_with_a_reason(
    *, message: MessageType, kind: str, extra: dict[int, bytes], port: int, proxy: bool, known: bool
) -> None:
    """Whatever options arrive: a reply that encodes, or a reason, or the one wire error."""
    bench = Bench(PROXY if proxy else NETWORK)
    packet = request(message, options_of(kind) | extra, mac=KNOWN if known else STRANGER)
    try:
        outcome = bench.ask(packet, port=port)
    except WireError:
        return
    assert outcome.reply is not None or outcome.reason
    if outcome.reply is not None and len(packet.options.get(OptionCode.RELAY_AGENT, b"")) < 30:
        assert decode(encode(outcome.reply)).xid == packet.xid
    if proxy:
        assert outcome.changes == ()


# ---------------------------------------------------------------------- who shows itself


TO_FIND = replace(NODE, documents=None, discover="its disk is to be found")
BY_TFTP, BY_HTTP = "stage1-amd64.efi", f"http://{BRIDGE}/a/stage1-amd64.efi"


@pytest.mark.parametrize("mac", [KNOWN, STRANGER], ids=["of the site", "stranger"])
@pytest.mark.parametrize(
    ("kind", "arch", "file"),
    [
        ("pxe", 7, BY_TFTP),
        ("pxe", 9, BY_TFTP),
        ("http", 16, BY_HTTP),
        ("pxe", 0, "undionly.kpxe"),
        ("pxe", 11, "snponly-arm64.efi"),
    ],
)
def test_a_firmware_is_given_stage1_itself(mac: Mac, kind: str, arch: int, file: str) -> None:
    """In the offer and in the ACK; where it cannot start it, iPXE as ever."""
    bench = Bench(machines=(TO_FIND,))
    bench.turn = lambda _client, _message: True
    offer = reply_of(bench.ask(request(DISCOVER, options_of(kind, arch), mac=mac)))
    options = options_of(kind, arch) | FROM_US | wanting(offer.yiaddr)
    outcome = bench.ask(request(REQUEST, options, mac=mac))
    ack = reply_of(outcome)
    assert (offer.file, ack.file) == (file.encode(), file.encode())
    assert ack.options[OptionCode.BOOT_FILE_NAME] == file.encode()
    assert outcome.points
    assert ack.siaddr == BRIDGE


def test_a_turn_is_asked_for_each_word_of_a_boot() -> None:
    """Who and which message; it counts only for a machine that shows itself."""
    asked: list[tuple[Mac, MessageType | None]] = []

    def turn(client: BootClient, message: MessageType | None) -> bool:
        asked.append((client.mac, message))
        return True

    bench = Bench(machines=(NODE,))
    bench.turn = turn
    assert take(bench, "pxe").file == b"snponly.efi"
    assert take(bench, "stage1").file == b""
    assert asked == [(KNOWN, DISCOVER), (KNOWN, REQUEST)]
    assert not bench.ask(request(DISCOVER, options_of("pxe"))).points


def test_without_its_turn_a_firmware_is_given_ipxe() -> None:
    """And iPXE is sent to its script, whoever has the turn."""
    bench = Bench(machines=(TO_FIND,))
    bench.turn = lambda _client, _message: False
    assert take(bench, "pxe").file == b"snponly.efi"
    bench.turn = lambda _client, _message: True
    script = f"http://{BRIDGE}/m/{KNOWN.bare}.ipxe"
    assert take(bench, "ipxe").file == script.encode()


@pytest.mark.parametrize("mac", [KNOWN, STRANGER], ids=["of the site", "stranger"])
@pytest.mark.parametrize(
    ("kind", "file"), [("pxe", "snponly.efi"), ("http", f"http://{BRIDGE}/ipxe/snponly.efi")]
)
def test_beside_another_server_stage1_comes_by_ipxe(mac: Mac, kind: str, file: str) -> None:
    """It would take the other server for the bridge."""
    bench = Bench(PROXY, machines=(TO_FIND,))
    bench.turn = lambda _client, _message: True
    outcome = bench.ask(request(DISCOVER, options_of(kind, 7), mac=mac))
    assert reply_of(outcome).file == file.encode()
    assert not outcome.points, "an offer is not for good"


def test_stage1_is_answered_on_every_card() -> None:
    """On one that never booted, on one that did as a stranger, and on a machine's own."""
    bench = Bench()
    second = Mac("525400000098")
    assert bench.ask(request(DISCOVER, options_of("system"), mac=second)).reply is None
    ack = take(bench, "stage1", second)
    assert ack.options[OptionCode.SERVER_ID] == BRIDGE.packed
    assert ack.file == b""

    first = take(bench, "pxe", STRANGER).yiaddr
    assert take(bench, "stage1", STRANGER).yiaddr == first, "the lease is the firmware's"
    assert take(bench, "stage1", KNOWN).yiaddr == RESERVED


def test_stage1_is_not_taken_for_the_installed_system() -> None:
    """Its request for an address proves no boot from the disk."""
    bench = Bench()
    for message in (DISCOVER, REQUEST):
        options = options_of("stage1") | wanting(RESERVED)
        outcome = bench.ask(request(message, options))
        assert outcome.reply is not None
        assert [event for event in outcome.events if event.kind == "evidence"] == []


def test_an_approved_stranger_comes_for_its_own_address() -> None:
    """Its lease was short; the renewal is refused and it asks anew."""
    bench = Bench(machines=())
    pool = take(bench, "stage1", STRANGER).yiaddr
    bench.know(replace(NODE, macs=(STRANGER,)))
    renewal = request(REQUEST, options_of("stage1"), mac=STRANGER, ciaddr=pool)
    assert reply_of(bench.ask(renewal)).message_type is MessageType.NAK
    assert take(bench, "stage1", STRANGER).yiaddr == RESERVED


# ---------------------------------------------------------------------- BMCs

BMC_CARD, BMC_ADDRESS = Mac("d09466000001"), IPv4Address("10.20.0.51")
WITH_BMC = replace(NODE, bmc_mac=BMC_CARD, bmc_address=BMC_ADDRESS)


def test_a_bmc_is_given_an_address_and_no_boot_file() -> None:
    """Even one that asks for everything; it is told as a BMC, and proves nothing of a machine."""
    bench = Bench()
    ack = take(bench, "idrac", mac=STRANGER)
    assert ack.yiaddr in (IPv4Address(int(NETWORK.pool_first) + n) for n in range(50))
    assert (ack.siaddr, ack.file, ack.sname) == (UNSPECIFIED, b"", b"")
    assert OptionCode.BOOT_FILE_NAME not in ack.options
    assert OptionCode.TFTP_SERVER_NAME not in ack.options
    options = options_of("idrac") | FROM_US | wanting(ack.yiaddr)
    outcome = bench.ask(request(REQUEST, options, mac=STRANGER))
    (event,) = outcome.events
    assert (event.kind, event.mac, event.machine, event.seen) == ("bmc", STRANGER, None, None)
    facts = dict(event.data)
    assert (facts["vendor"], facts["address"]) == ("Dell iDRAC", str(ack.yiaddr))
    assert outcome.decision is not None
    assert outcome.decision.action is Action.HOLD


def test_a_bmc_of_the_site_has_the_address_of_the_file() -> None:
    """By its card, whatever it says of itself; for as long as a machine has its own."""
    bench = Bench(machines=(WITH_BMC,))
    ack = take(bench, "system", mac=BMC_CARD)
    assert ack.yiaddr == BMC_ADDRESS
    assert int.from_bytes(ack.options[OptionCode.LEASE_TIME], "big") == KNOWN_SECONDS
    offer = reply_of(bench.ask(request(DISCOVER, options_of("idrac"), mac=STRANGER)))
    assert offer.yiaddr != BMC_ADDRESS


def test_a_bmc_is_known_by_its_name() -> None:
    """If it is nobody's: a machine of the site may be called as it likes."""
    bench = Bench()
    named: dict[int, bytes] = {OptionCode.HOST_NAME: b"XCC-7X06-J300ABCD"}
    options = options_of("system") | named
    assert bench.ask(request(DISCOVER, options, mac=STRANGER)).reply is not None
    outcome = bench.ask(request(DISCOVER, options, mac=KNOWN))
    assert reply_of(outcome).yiaddr == RESERVED
    assert dict(outcome.events[-1].data)["client"] == "a running system"


def test_a_bmc_with_the_card_of_a_machine_gets_nothing() -> None:
    """The file names the wrong card: the machine's address is not for its BMC, and it is said."""
    outcome = Bench().ask(request(DISCOVER, options_of("idrac")))
    assert outcome.reply is None
    (event,) = outcome.events
    assert (event.kind, event.machine) == ("finding", "hv1")
    assert "write the machine's own card as mac, and this one as bmc.mac" in event.text


def test_a_bmc_beside_another_server_is_listed() -> None:
    """It has its address from there."""
    bench = Bench(PROXY)
    options = options_of("idrac") | wanting(IPv4Address("10.20.0.77"))
    outcome = bench.ask(request(REQUEST, options, mac=STRANGER))
    assert outcome.reply is None
    (event,) = outcome.events
    assert (event.kind, dict(event.data)["address"]) == ("bmc", "10.20.0.77")


def test_a_firmware_is_no_bmc() -> None:
    """A card that boots is a machine's, whatever else the file calls it."""
    bench = Bench(machines=(WITH_BMC,))
    offer = reply_of(bench.ask(request(DISCOVER, options_of("pxe"), mac=BMC_CARD)))
    assert offer.file == b"snponly.efi"
