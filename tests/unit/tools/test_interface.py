"""Interfaces are looked at as they are; what was set for the time is taken back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Interface
from pathlib import Path

import pytest

from appliance.errors import PreflightError
from appliance.tools.interface import index_of, look, names


def test_loopback_is_seen_as_it_is() -> None:
    """Its address and flags are read."""
    interface = look("lo")
    assert IPv4Interface("127.0.0.1/8") in interface.addresses
    assert interface.index == index_of("lo")
    assert "lo" not in names()


def test_a_missing_interface_lists_those_there_are() -> None:
    """The error names the interface, those that exist, and the fix."""
    with pytest.raises(PreflightError, match="no network interface 'nosuch0'") as caught:
        look("nosuch0")
    assert "--interface" in caught.value.fix
    assert index_of("nosuch0") is None


@pytest.fixture
def namespace(tmp_path: Path) -> Iterator[str]:
    """A network namespace with a veth pair p0, p1."""
    name = f"bh-if-{tmp_path.name[-20:]}-{id(tmp_path) & 0xFFFF:x}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        veth = ["link", "add", "p0", "type", "veth", "peer", "name", "p1"]
        subprocess.run(["ip", "-n", name, *veth], check=True)
        subprocess.run(["ip", "-n", name, "link", "set", "p1", "up"], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


_SCRIPT = """
import json, pathlib
from ipaddress import IPv4Address
from appliance.tools.interface import look, prepared
forwarding = pathlib.Path("/proc/sys/net/ipv4/conf/p0/forwarding")
forwarding.write_text("1")
with prepared("p0", IPv4Address("10.9.0.2"), 24):
    within = look("p0")
    during = forwarding.read_text().strip()
after = look("p0")
print(json.dumps({
    "within": [str(each) for each in within.addresses],
    "up": within.up,
    "during": during,
    "after": [str(each) for each in after.addresses],
    "forwarding": forwarding.read_text().strip(),
}))
"""


@pytest.mark.root
def test_an_address_is_set_for_the_time_and_nothing_is_forwarded(namespace: str) -> None:
    """Inside the block: address, link up, no forwarding. After it: as before."""
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, sys.executable, "-c", _SCRIPT],
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout)
    assert seen == {
        "within": ["10.9.0.2/24"],
        "up": True,
        "during": "0",
        "after": [],
        "forwarding": "1",
    }


_FORWARDS = """
import pathlib, socket, subprocess, sys
from ipaddress import IPv4Address
from appliance.tools.interface import prepared

def ip(*words):
    subprocess.run(["ip", *words], check=True)

def arrives():
    subprocess.run(["ip", "netns", "exec", sys.argv[2], sys.executable, "-c", SEND], check=True)
    try:
        return heard.recv(99).decode()
    except TimeoutError:
        return ""

SEND = (
    "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM);"
    "s.sendto(b'in', ('10.9.0.9', 9))"
)
ip("link", "set", "p1", "netns", sys.argv[1])
ip("-n", sys.argv[1], "address", "add", "10.9.0.9/24", "dev", "p1")
ip("-n", sys.argv[1], "link", "set", "p1", "up")
ip("-n", sys.argv[1], "route", "add", "default", "via", "10.9.0.2")
ip("link", "add", "q0", "type", "veth", "peer", "name", "q1", "netns", sys.argv[2])
ip("address", "add", "10.8.0.1/24", "dev", "q0")
ip("link", "set", "q0", "up")
ip("-n", sys.argv[2], "address", "add", "10.8.0.9/24", "dev", "q1")
ip("-n", sys.argv[2], "link", "set", "q1", "up")
ip("-n", sys.argv[2], "route", "add", "default", "via", "10.8.0.1")
ip("address", "add", "10.9.0.2/24", "dev", "p0")
ip("link", "set", "p0", "up")
pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
import ctypes, os, threading, queue
made = queue.Queue()
def open_inside():
    with open(f"/run/netns/{sys.argv[1]}") as handle:
        assert ctypes.CDLL(None).setns(handle.fileno(), 0x40000000) == 0
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind(("", 9))
    opened.settimeout(1)
    made.put(opened)
threading.Thread(target=open_inside).start()
heard = made.get()
before = arrives()
with prepared("p0", IPv4Address("10.9.0.2"), 24):
    during = arrives()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.sendto(b"own", ("10.9.0.9", 9))
    ours = heard.recv(99).decode()
print(repr((before, during, ours, arrives())))
"""


@pytest.mark.root
def test_other_networks_do_not_reach_the_machines(namespace: str) -> None:
    """A laptop that forwards for others (containers, VPN) forwards nothing to this network."""
    names = [f"{namespace}-{side}" for side in ("m", "o")]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
        done = subprocess.run(
            ["ip", "netns", "exec", namespace, sys.executable, "-c", _FORWARDS, *names],
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == repr(("in", "", "own", "in"))
