"""Who has an address is asked on a real wire, without claiming anything."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface

import pytest

from appliance.boot.address_probe import who_has
from appliance.errors import PreflightError
from appliance.values import Mac
from tests.namespaces import Pair, inside, ip, veth_pair

pytestmark = pytest.mark.root
WANTED = IPv4Address("10.99.6.5")


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A cable; the laptop's end has another address."""
    with veth_pair(IPv4Interface("10.99.6.1/24")) as made:
        yield made


def ask(pair: Pair) -> Mac | None:
    """Ask from the laptop's end."""
    return inside(pair.server, lambda: who_has(pair.server_interface, WANTED))


def mac_of_client(pair: Pair) -> Mac:
    """Read the hardware address at the other end."""
    words = ["ip", "-n", pair.client, "-br", "link", "show", pair.client_interface]
    return Mac.parse(subprocess.check_output(words, text=True).split()[2])


def test_silence_means_that_nobody_has_it(pair: Pair) -> None:
    """Two probes went unanswered."""
    assert ask(pair) is None


def test_another_machine_is_named_by_its_hardware_address(pair: Pair) -> None:
    """Its kernel answers the probe."""
    ip("-n", pair.client, "address", "add", f"{WANTED}/24", "dev", pair.client_interface)

    assert ask(pair) == mac_of_client(pair)


def test_our_own_address_is_nobody_elses(pair: Pair) -> None:
    """A killed run may have left it on this laptop."""
    ip("-n", pair.server, "address", "add", f"{WANTED}/32", "dev", pair.server_interface)

    assert ask(pair) is None


def test_an_interface_that_is_down_is_refused(pair: Pair) -> None:
    """Silence would prove nothing there."""
    ip("-n", pair.server, "link", "set", pair.server_interface, "down")
    with pytest.raises(PreflightError, match="can be sent"):
        ask(pair)
