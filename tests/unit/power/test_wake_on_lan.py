"""Wake-on-LAN: what is sent, where, and what cannot be done by it."""

from __future__ import annotations

import socket
from ipaddress import IPv4Interface

import pytest

from appliance.errors import PowerError
from appliance.power.model import BootFrom, Contact, Inventory, Power, PowerControl, Target, Way
from appliance.power.wake_on_lan import PORT, TIMES, WakeOnLan, magic_packet
from appliance.values import Mac
from tests.namespaces import inside, veth_pair

MAC = Mac.parse("52:54:00:12:34:01")
OTHER = Mac.parse("52:54:00:12:34:02")
TARGET = Target("hv1", Way.WAKE_ON_LAN, macs=(MAC, OTHER))
ETH_P_IP = 0x0800


def test_the_packet() -> None:
    """Six octets of ones, sixteen times the address: 102 octets."""
    packet = magic_packet(MAC)
    assert len(packet) == 102
    assert packet == bytes.fromhex("ffffffffffff" + "525400123401" * 16)


def test_nothing_is_known_and_nothing_set() -> None:
    """The packet is never answered."""
    control: PowerControl = WakeOnLan(TARGET, interface="lo")
    assert control.contact() == Contact(Power.UNKNOWN)
    assert control.power() is Power.UNKNOWN
    assert control.inventory() == Inventory()
    assert "firmware" in control.boot_next(BootFrom.DISK)
    assert "firmware" in control.boot_next(BootFrom.PXE)


@pytest.mark.parametrize("act", ["off", "cycle"])
def test_it_only_switches_on(act: str) -> None:
    """The rest is a person's."""
    with pytest.raises(PowerError, match="Wake-on-LAN only switches on") as caught:
        getattr(WakeOnLan(TARGET, interface="lo"), act)()
    assert "hold the power button of hv1" in caught.value.fix


def test_without_a_card_nobody_can_be_woken() -> None:
    """The site file must name it."""
    with pytest.raises(PowerError, match="no network card of it is known"):
        WakeOnLan(Target("hv1", Way.WAKE_ON_LAN), interface="lo").on()


def test_an_adapter_that_is_not_there() -> None:
    """One sentence, with what to do; nothing goes out on another."""
    with pytest.raises(PowerError, match="cannot be sent on not-there0") as caught:
        WakeOnLan(TARGET, interface="not-there0").on()
    assert caught.value.where == "hv1"
    assert caught.value.fix


@pytest.mark.root
def test_it_goes_to_everybody_on_the_provisioning_interface() -> None:
    """As an Ethernet broadcast, for each card, thrice; also where no route leads."""
    with veth_pair(IPv4Interface("10.77.0.1/24")) as pair:

        def listen() -> socket.socket:
            listening = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(ETH_P_IP))
            listening.bind((pair.client_interface, ETH_P_IP))
            listening.settimeout(5)
            return listening

        with inside(pair.client, listen) as heard:
            inside(pair.server, WakeOnLan(TARGET, interface=pair.server_interface).on)
            frames = [heard.recv(2048) for _ in range(2 * TIMES)]
    assert {frame[:6] for frame in frames} == {b"\xff" * 6}
    assert {frame[36:38] for frame in frames} == {PORT.to_bytes(2)}
    payloads = [frame[42:144] for frame in frames]
    assert payloads == [magic_packet(MAC), magic_packet(OTHER)] * TIMES
