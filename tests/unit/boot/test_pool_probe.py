"""Addresses probed ahead of time: two probes, a pause, a verdict; and who was heard."""

from __future__ import annotations

from ipaddress import IPv4Address

from appliance.boot.pool_probe import PROBES, PROXY_ARP, SPACING, InUse, PoolProbe
from appliance.values import Mac
from appliance.wire import arp

OWN, OTHER = Mac("525400000001"), Mac("525400000002")
FIRST = IPv4Address("10.20.0.100")


def said(address: IPv4Address, mac: Mac = OTHER) -> arp.Arp:
    """Make an answer."""
    return arp.Arp(arp.Operation.REPLY, mac, address, OWN, IPv4Address(0))


def test_silence_after_two_probes_means_free() -> None:
    """The verdict comes one pause after the last probe, and once."""
    probe = PoolProbe(OWN)
    probe.begin([FIRST], 0)
    sent = 0
    for step in range(PROBES):
        frames, free = probe.due(step * SPACING)
        assert [arp.decode(frame).target for frame in frames] == [FIRST]
        assert free == ()
        sent += len(frames)
    assert sent == PROBES
    assert probe.due(PROBES * SPACING - 0.01) == ((), ())
    assert probe.due(PROBES * SPACING) == ((), (FIRST,))
    assert probe.outstanding == 0


def test_answer_ends_the_probing() -> None:
    """Who answered is told, and the address is not found free."""
    probe = PoolProbe(OWN)
    probe.begin([FIRST, FIRST + 1], 0)
    probe.due(0)
    assert probe.heard(said(FIRST)) == InUse(FIRST, OTHER, probed=True)
    probe.due(SPACING)
    assert probe.due(2 * SPACING)[1] == (FIRST + 1,)


def test_overheard_machine_uses_its_address() -> None:
    """Any ARP message shows its sender's address, asked or not."""
    assert PoolProbe(OWN).heard(said(FIRST)) == InUse(FIRST, OTHER, probed=False)


def test_probes_of_others_and_our_own_words_show_nothing() -> None:
    """A sender address of 0.0.0.0 claims nothing (RFC 5227); our own frames are no news."""
    probe = PoolProbe(OWN)
    assert probe.heard(said(IPv4Address(0))) is None
    assert probe.heard(said(FIRST, OWN)) is None


def test_router_with_proxy_arp_does_not_eat_the_pool() -> None:
    """Who answers for everything proves nothing: its answers stop counting."""
    probe = PoolProbe(OWN)
    probe.begin([FIRST + step for step in range(20)], 0)
    probe.due(0)
    believed = [probe.heard(said(FIRST + step)) for step in range(20)]
    assert sum(each is not None for each in believed) == PROXY_ARP
    assert probe.proxies == {OTHER}
    probe.due(SPACING)
    assert len(probe.due(2 * SPACING)[1]) == 20 - PROXY_ARP
    assert probe.heard(said(FIRST, Mac("525400000003"))) is not None


def test_address_is_probed_once_at_a_time() -> None:
    """Asked for twice, probed once."""
    probe = PoolProbe(OWN)
    probe.begin([FIRST], 0)
    probe.begin([FIRST], 0)
    assert len(probe.due(0)[0]) == 1
