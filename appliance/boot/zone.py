"""The zone that the laptop answers for one provisioning network."""

from __future__ import annotations

from collections.abc import Callable

from appliance.boot.model import BootNetwork
from appliance.wire import dns

_SERVER_NAME = "bridge"


class CurrentZone:
    """Gives the zone of the network as it is now; made anew only when that changed."""

    def __init__(self, network: Callable[[], BootNetwork]) -> None:
        self._network = network
        self._made: tuple[BootNetwork, dns.Zone] | None = None

    def __call__(self) -> dns.Zone:
        """Give the zone."""
        network = self._network()
        if self._made is None or self._made[0] != network:
            self._made = (network, zone_of(network))
        return self._made[1]


def zone_of(network: BootNetwork) -> dns.Zone:
    """Give the zone that is answered for one provisioning network."""
    hosts = dns.grouped(network.hosts)
    hosts.setdefault(_SERVER_NAME, network.bridge)
    return dns.Zone(
        origin=network.zone,
        hosts=hosts,
        reverse=(network.cidr,),
        server_name=_SERVER_NAME,
        address=network.bridge,
    )
