"""What the wire shows becomes changes of the lease book, and findings that name address and MAC."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from appliance.boot.leases import Hold, LeaseBook
from appliance.boot.model import BootNetwork, Moment
from appliance.boot.pool_probe import PROBES, SPACING, STOCK
from appliance.boot.pool_watch import Overheard, PoolWatch
from appliance.errors import WireError
from appliance.values import Mac
from appliance.wire import arp
from appliance.wire.dhcp4 import MessageType, encode, reply_to
from appliance.wire.dhcp4_options import OptionCode, Options
from appliance.wire.pcap import UdpDatagram, udp_frame
from tests.unit.boot.dhcp_packets import BRIDGE, KNOWN, NETWORK, NODE, RESERVED, request

OWN, FOREIGN = Mac("020000000001"), Mac("a0b0c0d0e0f0")
POOL = NETWORK.pool_first
VIP = IPv4Address("10.20.0.9")


class Site:
    """A watch over the test network."""

    def __init__(self, network: BootNetwork = NETWORK) -> None:
        self.book = LeaseBook(network.pool_first, network.pool_last, reserved={KNOWN: RESERVED})
        self.watch = PoolWatch(network, self.book, OWN)

    def arp(self, address: IPv4Address, mac: Mac, now: float = 10.0) -> Overheard:
        """Let a machine use an address."""
        frame = bytearray(arp.probe(mac, address))
        frame[28:32] = address.packed
        return self.watch.heard(bytes(frame), Moment(0.0, now))

    def probed(self, begin: float = 0.0) -> set[IPv4Address]:
        """Go through a whole round of probes; give what was probed."""
        targets = set()
        for step in range(PROBES + 1):
            frames = self.watch.due(begin + step * SPACING)
            targets |= {arp.decode(frame).target for frame in frames}
        return targets


def server_frame(server: IPv4Address, mac: Mac) -> bytes:
    """Build a DHCP server's offer as it passes by on the wire."""
    options = Options([(OptionCode.SERVER_ID, server.packed)])
    offer = reply_to(request(MessageType.DISCOVER), MessageType.OFFER, options=options, yiaddr=POOL)
    broadcast = IPv4Address("255.255.255.255")
    return udp_frame(
        UdpDatagram(server, 67, broadcast, 68, encode(offer), mac, Mac("ffffffffffff"))
    )


def test_stock_of_proven_addresses_is_kept() -> None:
    """The whole small pool is probed ahead and found free, without anybody asking."""
    site = Site()
    assert site.probed() >= {POOL + step for step in range(50)}
    assert site.book.proven_free(0) == 50
    assert site.probed(5.0) == set()


def test_stock_of_a_large_pool_is_bounded() -> None:
    """A /16 is not probed as a whole."""
    network = replace(
        NETWORK, pool_first=IPv4Address("10.30.0.1"), pool_last=IPv4Address("10.30.99.1")
    )
    site = Site(network)
    assert len(site.probed()) == STOCK


def test_used_pool_address_is_set_aside_with_a_finding() -> None:
    """Somebody with a fixed address in the pool: named, and never given to others."""
    site = Site()
    site.watch.due(0)
    seen = site.arp(POOL + 3, FOREIGN)
    assert seen.changes[0].lease is not None
    assert seen.changes[0].lease.hold is Hold.IN_USE
    (event,) = seen.events
    assert event.kind == "finding"
    assert str(POOL + 3) in event.text
    assert str(FOREIGN) in event.text
    assert site.arp(POOL + 3, FOREIGN) == Overheard()


def test_holder_of_a_lease_is_no_news_and_a_second_user_is() -> None:
    """ARP of the lease's holder shows nothing; of another machine, a conflict."""
    site = Site()
    site.book.grant(KNOWN, RESERVED, 0, length=1000)
    site.book.grant(FOREIGN, POOL, 0, length=1000)
    site.watch.set_machines((NODE,), 0)
    assert site.arp(POOL, FOREIGN) == Overheard()
    assert site.arp(RESERVED, KNOWN) == Overheard()
    seen = site.arp(POOL, Mac("a00000000001"))
    assert "too" in seen.events[0].text
    assert seen.changes == ()


@pytest.mark.parametrize(
    ("address", "words"),
    [(RESERVED, "the address of hv1"), (VIP, "the address of vip"), (BRIDGE, "this laptop")],
)
def test_watched_addresses_are_probed_and_conflicts_named(address: IPv4Address, words: str) -> None:
    """Reservations, the VIP and the bridge's own address: used by a foreign machine, it is said."""
    site = Site()
    site.watch.set_machines((NODE,), 0)
    assert address in site.probed()
    seen = site.arp(address, FOREIGN)
    assert words in seen.events[0].text
    assert str(FOREIGN) in seen.events[0].text


def test_site_machines_may_answer_for_the_vip() -> None:
    """The VIP moves between the nodes: any of them is right. After installation it is not asked."""
    site = Site()
    site.watch.set_machines((NODE,), 0)
    assert site.arp(VIP, KNOWN) == Overheard()
    site.watch.set_machines((replace(NODE, installed=True),), 0)
    assert site.arp(VIP, FOREIGN).events == ()


def test_traffic_of_other_addresses_is_nothing() -> None:
    """The gateway speaks; that is no conflict."""
    assert Site().arp(NETWORK.gateway, FOREIGN) == Overheard()


def test_proxy_arp_is_said_once() -> None:
    """A router that answers for everything makes probing blind: that is a finding."""
    site = Site()
    site.watch.due(0)
    findings = [
        event.text
        for step in range(20)
        for event in site.arp(POOL + step, FOREIGN).events
        if "proxy ARP" in event.text
    ]
    assert len(findings) == 1


def test_rival_server_is_named_and_ours_is_not() -> None:
    """Its address and hardware address, and what to do; our own words over a relay are ours."""
    site = Site()
    (event,) = site.watch.heard(
        server_frame(IPv4Address("10.20.0.254"), FOREIGN), Moment(0, 0)
    ).events
    assert event.kind == "finding"
    assert "10.20.0.254" in event.text
    assert str(FOREIGN) in event.text
    assert "proxy" in event.text
    assert site.watch.heard(server_frame(BRIDGE, FOREIGN), Moment(0, 0)) == Overheard()


def test_site_server_beside_our_proxy_is_no_finding() -> None:
    """In proxy mode another server is what is wanted; and nothing is probed."""
    site = Site(replace(NETWORK, proxy=True))
    site.watch.set_machines((NODE,), 0)
    assert site.probed() == set()
    seen = site.watch.heard(server_frame(IPv4Address("10.20.0.254"), FOREIGN), Moment(0, 0))
    assert [event.kind for event in seen.events] == ["dhcp"]


def test_clients_packets_and_damage() -> None:
    """A client's word shows no server; a cut frame raises the one wire error."""
    site = Site()
    frame = bytearray(server_frame(IPv4Address("10.20.0.254"), FOREIGN))
    frame[42] = 1
    assert site.watch.heard(bytes(frame), Moment(0, 0)) == Overheard()
    with pytest.raises(WireError):
        site.watch.heard(arp.probe(OWN, POOL)[:30], Moment(0, 0))
