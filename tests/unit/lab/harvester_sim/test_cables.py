"""Cables and what is heard on them."""

from __future__ import annotations

import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.errors import LabNetworkError
from appliance.lab.harvester_sim.cables import plug_in, read_arp, request_arp, tap_name
from appliance.lab.network import create, exec_prefix

MAC = "02:00:00:00:00:01"


def arp(sender: str, mac: str = MAC, operation: int = 1) -> bytes:
    """Give an Ethernet frame with an ARP packet."""
    source = bytes.fromhex(mac.replace(":", ""))
    address = bytes(int(part) for part in sender.split("."))
    packet = b"\0\1\x08\0\6\4" + operation.to_bytes(2) + source + address + bytes(6) + address
    return b"\xff" * 6 + source + b"\x08\x06" + packet


def test_a_claim_is_read_and_a_probe_is_none() -> None:
    """Request and reply both name their sender; who probes claims nothing yet (RFC 5227)."""
    assert read_arp(arp("10.0.0.7")) == (MAC, "10.0.0.7")
    assert read_arp(arp("10.0.0.7", operation=2)) == (MAC, "10.0.0.7")
    assert read_arp(arp("0.0.0.0")) is None
    assert read_arp(arp("10.0.0.7")[:30]) is None
    assert read_arp(b"") is None
    assert read_arp(arp("10.0.0.7").replace(b"\0\1\x08\0", b"\0\6\x08\0")) is None


def test_a_question_is_an_ordinary_request() -> None:
    """From an address of its own, to all; who hears it knows who asks."""
    frame = request_arp("02:00:00:00:00:09", "10.0.0.1", "10.0.0.7")
    assert frame[:6] == b"\xff" * 6
    assert frame[20:22] == b"\0\1"
    assert read_arp(frame) == ("02:00:00:00:00:09", "10.0.0.1")
    assert frame[-4:] == bytes([10, 0, 0, 7])


def test_a_tap_s_name_fits_and_stays() -> None:
    """15 characters at most, the same each time, another for another card."""
    name = tap_name("default", "a-machine-with-a-long-name", "nic-1")
    assert name == tap_name("default", "a-machine-with-a-long-name", "nic-1")
    assert len(name) <= 15
    assert name != tap_name("default", "a-machine-with-a-long-name", "nic-2")


@pytest.mark.root
def test_a_cable_to_no_switch_is_refused() -> None:
    """With what `ip` said."""
    with pytest.raises(LabNetworkError):
        plug_in(f"v{secrets.token_hex(4)}", "no-such-bridge")


LISTENER = """
import sys, time
from appliance.lab.harvester_sim.cables import Neighbours, plug_in, unplug
plug_in("vtest", "br0")
plug_in("vtest", "br0")
heard = Neighbours("br0", "10.66.0.1")
print("listening", flush=True)
until = time.monotonic() + 60
while not heard.addresses(sys.argv[1]) and time.monotonic() < until:
    heard.ask("10.66.0.7")
    time.sleep(0.05)
print(*heard.addresses(sys.argv[1]), flush=True)
heard.forget(sys.argv[1])
print(len(heard.addresses(sys.argv[1])), flush=True)
heard.close()
unplug("vtest")
"""


@pytest.mark.root
def test_a_silent_card_is_asked_and_its_answer_heard(tmp_path: Path) -> None:
    """On a real bridge: the appliance's port has an address, and says nothing by itself."""
    script = tmp_path / "listen.py"
    script.write_text(LISTENER)
    with create(secrets.token_hex(3), "prov0") as network:
        appliance = [*exec_prefix(network.appliance)]
        shown = subprocess.run(
            [*appliance, "cat", "/sys/class/net/prov0/address"],
            check=True,
            capture_output=True,
            text=True,
        )
        mac = shown.stdout.strip()
        words = [*exec_prefix(network.switch), sys.executable, str(script), mac]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as listener:
            assert listener.stdout is not None
            assert listener.stdout.readline() == "listening\n"
            network.add_appliance_address("10.66.0.7/24")
            assert listener.stdout.read() == "10.66.0.7\n0\n"
        assert listener.returncode == 0
