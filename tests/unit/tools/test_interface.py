"""Interfaces are looked at as they are; what was set for the time is taken back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path

import pytest

from appliance.errors import PreflightError
from appliance.tools.interface import index_of, interface_with, look, names


def test_loopback_is_seen_as_it_is() -> None:
    """Its address and flags are read."""
    interface = look("lo")
    assert IPv4Interface("127.0.0.1/8") in interface.addresses
    assert interface.index == index_of("lo")
    assert "lo" not in names()


def test_an_address_is_found_on_its_interface() -> None:
    """That very one: of 127.0.0.0/8 the laptop answers all, and has one."""
    assert interface_with(IPv4Address("127.0.0.1")) == "lo"
    assert interface_with(IPv4Address("127.99.0.1")) == ""


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
from appliance.tools.interface import Setting, about_to_set, look, prepare, take_back
forwarding = pathlib.Path("/proc/sys/net/ipv4/conf/p0/forwarding")
forwarding.write_text("1")
setting = about_to_set("p0", IPv4Address("10.9.0.2"), 24)
untouched = not look("p0").addresses and forwarding.read_text().strip() == "1"
prepare(setting)
within = look("p0")
during = forwarding.read_text().strip()
kept = Setting.from_json(json.loads(json.dumps(setting.as_json())))
done = take_back(kept)
after = look("p0")
print(json.dumps({
    "untouched": untouched,
    "done": done,
    "twice": take_back(kept),
    "within": [str(each) for each in within.addresses],
    "up": within.up,
    "during": during,
    "after": [str(each) for each in after.addresses],
    "forwarding": forwarding.read_text().strip(),
}))
"""


@pytest.mark.root
def test_an_address_is_set_for_the_time_and_nothing_is_forwarded(namespace: str) -> None:
    """Meanwhile: address, link up, no forwarding. Taken back from what was kept: as before."""
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, sys.executable, "-c", _SCRIPT],
        capture_output=True,
        text=True,
        check=True,
    )
    seen = json.loads(done.stdout)
    assert seen == {
        "untouched": True,
        "done": [
            "forwarding of p0 is 1 again",
            "address 10.9.0.2/24 is taken from p0",
            "routing rules of 10.9.0.0/24 are removed",
        ],
        "twice": [],
        "within": ["10.9.0.2/24"],
        "up": True,
        "during": "0",
        "after": [],
        "forwarding": "1",
    }


_EARLIER = """
import json
from dataclasses import replace
from ipaddress import IPv4Address
from appliance.tools.interface import about_to_set, look, prepare, take_back
first = about_to_set("p0", IPv4Address("10.9.0.2"), 24)
prepare(first)
second = about_to_set("p0", IPv4Address("10.9.0.2"), 24)
print(json.dumps({
    "lacked": [first.lacked, second.lacked],
    "same": first.is_same_place(second),
    "earlier": take_back(replace(first, boot="of an earlier start")),
    "theirs": [each for each in take_back(second) if "address" in each],
    "after": [str(each) for each in look("p0").addresses],
}))
"""


@pytest.mark.root
def test_what_was_there_before_stays(namespace: str) -> None:
    """An address that was there already, and all that was set before the laptop's last start."""
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, sys.executable, "-c", _EARLIER],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {
        "lacked": [True, False],
        "same": True,
        "earlier": [],
        "theirs": [],
        "after": ["10.9.0.2/24"],
    }


_FORWARDS = """
import pathlib, socket, subprocess, sys
from ipaddress import IPv4Address
from appliance.tools.interface import about_to_set, prepare, take_back

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
setting = about_to_set("p0", IPv4Address("10.9.0.2"), 24)
prepare(setting)
during = arrives()
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
    own.sendto(b"own", ("10.9.0.9", 9))
ours = heard.recv(99).decode()
take_back(setting)
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


_INSTALLED = """
import json, pathlib, sys
from appliance.errors import PreflightError
from appliance.tools.interface import choose
note, taken = pathlib.Path(sys.argv[1]), []
for text in ('{"interface": "p0"}', '{"interface": "none0"}', '{"interface": ["p0"]}', "{", "[]"):
    note.write_text(text)
    try:
        taken.append(choose(note))
    except PreflightError as error:
        taken.append(error.what)
print(json.dumps(taken))
"""


@pytest.mark.root
def test_the_interface_of_the_installation_is_taken_without_link(
    namespace: str, tmp_path: Path
) -> None:
    """What managed the network leaves it down; a note of one that is gone, or damaged, is none."""
    note = str(tmp_path / "installed.json")
    done = subprocess.run(
        ["ip", "netns", "exec", namespace, sys.executable, "-c", _INSTALLED, note],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == ["p0", *["which interface leads to the machines?"] * 4]
