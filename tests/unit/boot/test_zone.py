"""The laptop's zone: made from the network, and anew when that changed."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from appliance.boot.zone import CurrentZone, zone_of
from tests.unit.boot.boot_world import NETWORK


def test_the_laptop_has_a_name_of_its_own() -> None:
    """Beside the plan's names, of which one may have several addresses."""
    servers = (IPv4Address("10.20.0.21"), IPv4Address("10.20.0.22"))
    network = replace(NETWORK, hosts=tuple(("cluster", each) for each in servers))
    zone = zone_of(network)

    assert zone.hosts == {"cluster": servers, "bridge": network.bridge}
    assert (zone.origin, zone.address) == (network.zone, network.bridge)


def test_it_is_made_anew_only_when_the_network_changed() -> None:
    """Each query asks for it."""
    networks = [NETWORK]
    current = CurrentZone(lambda: networks[-1])
    first = current()
    networks.append(replace(NETWORK))
    same = current()
    networks.append(replace(NETWORK, hosts=(("new", NETWORK.bridge),)))

    assert same is first
    assert "new" in current().hosts
