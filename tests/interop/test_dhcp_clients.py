"""Foreign DHCP clients on a real cable: ISC dhclient and BusyBox udhcpc."""

from __future__ import annotations

import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.boot.loop import Loop
from appliance.machines.state import Seen
from appliance.values import Mac
from tests.namespaces import ip
from tests.unit.boot.dhcp_packets import NODE
from tests.unit.boot.service_bench import BRIDGE, Wire, wire

pytestmark = pytest.mark.root

HV1 = replace(NODE, address=IPv4Address("10.99.5.11"))
ADDRESS = str(HV1.address)

# Both clients hand their findings to a script. Ours notes them and sets the address, no more:
# the usual ones write the host's /etc/resolv.conf.
SCRIPT = """#!/bin/sh
name="${{reason:-$1}}"
env | sed "s/^/$name /" >> {log}
case "$name" in
  BOUND|REBOOT|bound)
    if [ -e {refuse} ]; then rm {refuse}; exit 1; fi
    ip address replace "${{new_ip_address:-$ip}}/24" dev "$interface" ;;
  RELEASE|EXPIRE|deconfig) ip address flush dev "$interface" ;;
esac
exit 0
"""


class Client:
    """A foreign client at the cable's end."""

    def __init__(self, cable: Wire, folder: Path) -> None:
        self.cable = cable
        self.log, self.refuse = folder / "log", folder / "refuse"
        self.script = folder / "script"
        self.script.write_text(SCRIPT.format(log=self.log, refuse=self.refuse))
        self.script.chmod(0o755)
        self.folder = folder
        self.interface = cable.pair.client_interface

    def mac(self, mac: Mac) -> None:
        """Give the card a hardware address."""
        ip("-n", self.cable.pair.client, "link", "set", self.interface, "address", str(mac))

    def run(self, *command: str, limit: float = 30) -> subprocess.CompletedProcess[str]:
        """Run a program in the client's namespace."""
        words = ["ip", "netns", "exec", self.cable.pair.client, *command]
        return subprocess.run(words, timeout=limit, capture_output=True, text=True, check=False)

    def dhclient(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run dhclient for one exchange, with its files here."""
        files = ("-lf", str(self.folder / "leases"), "-pf", str(self.folder / "pid"))
        common = ("dhclient", "-4", "-1", *files, "-sf", str(self.script), "-cf", "/dev/null")
        return self.run(*common, *options, self.interface)

    def udhcpc(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run udhcpc until it has a lease, at most three tries."""
        common = ("busybox", "udhcpc", "-f", "-n", "-q", "-t", "3", "-T", "1")
        return self.run(*common, "-i", self.interface, "-s", str(self.script), *options)

    def told(self, event: str, name: str) -> str | None:
        """Give what a variable was at the last such event."""
        prefix = f"{event} {name}="
        found = [line for line in self.log.read_text().splitlines() if line.startswith(prefix)]
        return found[-1].removeprefix(prefix) if found else None

    def events(self) -> list[str]:
        """Give the events in order, once each time they came."""
        lines = self.log.read_text().splitlines()
        return [line.split()[0] for line in lines if " interface=" in line]


@contextmanager
def running(cable: Wire) -> Iterator[None]:
    """Run the service's loop on a thread."""
    import time

    failed: list[BaseException] = []
    loop = Loop(monotonic=time.monotonic, on_error=failed.append)
    cable.service.register(loop)
    thread = threading.Thread(target=loop.run)
    thread.start()
    try:
        yield
    finally:
        loop.stop()
        thread.join(10)
        loop.close()
    assert failed == []


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    """A running service, and a client with the known machine's card."""
    with wire(tmp_path, (HV1,)) as cable, running(cable):
        made = Client(cable, tmp_path)
        made.mac(HV1.macs[0])
        yield made


def leases(client: Client) -> dict[str, str]:
    """Read address and hold from the disk."""
    db = sqlite3.connect(client.cable.path)
    try:
        return dict(db.execute("SELECT address, hold FROM lease"))
    finally:
        db.close()


def test_dhclient_lease_renewal_and_release(client: Client) -> None:
    """Bound, bound again at its next start, released; the disk follows."""
    done = client.dhclient()
    assert done.returncode == 0, done.stderr
    assert client.told("BOUND", "new_ip_address") == ADDRESS
    assert client.told("BOUND", "new_routers") == str(BRIDGE)
    assert client.told("BOUND", "new_domain_name_servers") == str(BRIDGE)
    assert client.told("BOUND", "new_host_name") == "hv1"
    assert client.told("BOUND", "new_dhcp_lease_time") == "43200"
    assert leases(client) == {ADDRESS: "lease"}
    stopped = client.dhclient("-x")
    assert stopped.returncode == 0
    assert client.dhclient().returncode == 0
    assert client.events().count("REBOOT") == 1
    assert client.dhclient("-r").returncode == 0
    client.udhcpc()
    seen = [event.seen for event in client.cable.memory.events if event.seen]
    assert Seen.SYSTEM_DHCP in seen
    texts = [event.text for event in client.cable.memory.events]
    assert any("gives back" in text for text in texts)


def test_dhclient_declines(client: Client) -> None:
    """Its script finds the address in use: DECLINE, set aside, and another from the pool."""
    client.refuse.touch()
    assert client.dhclient().returncode == 2
    assert client.dhclient().returncode == 0
    other = client.told("BOUND", "new_ip_address")
    assert other is not None
    assert other != ADDRESS
    assert leases(client)[ADDRESS] == "declined"
    assert leases(client)[other] == "lease"
    assert any(ADDRESS in text for text in client.cable.memory.findings())


def test_udhcpc_lease_and_release(client: Client) -> None:
    """Bound with all that it asked for; `-R` gives the address back at its end."""
    done = client.udhcpc("-R", "-O", "ntpsrv", "-O", "mtu")
    assert done.returncode == 0, done.stderr
    assert client.told("bound", "ip") == ADDRESS
    assert client.told("bound", "router") == str(BRIDGE)
    assert client.told("bound", "serverid") == str(BRIDGE)
    assert client.told("bound", "ntpsrv") == str(BRIDGE)
    assert client.told("bound", "lease") == "43200"


def test_udhcpc_asks_for_a_wrong_address(client: Client) -> None:
    """It wishes another address; it gets its own."""
    done = client.udhcpc("-r", "10.99.5.77")
    assert done.returncode == 0, done.stderr
    assert client.told("bound", "ip") == ADDRESS


def test_udhcpc_as_pxe_firmware_and_as_a_stranger(client: Client) -> None:
    """A stranger's system gets nothing; the same card as firmware gets the boot file."""
    client.mac(Mac("525400000099"))
    assert client.udhcpc().returncode == 1
    done = client.udhcpc("-V", "PXEClient:Arch:00007:UNDI:003000", "-x", "0x5d:0007")
    assert done.returncode == 0, done.stderr
    assert client.told("bound", "boot_file") == "snponly.efi"
    assert client.told("bound", "siaddr") == str(BRIDGE)
    assert client.told("bound", "lease") == "120"
    assert client.udhcpc().returncode == 0


def test_udhcpc_as_a_bmc(client: Client) -> None:
    """OpenBMC and many others ask by udhcpc: as iDRAC it has an address, no boot file, a line."""
    client.mac(Mac("d09466000001"))
    done = client.udhcpc("-V", "iDRAC", "-O", "bootfile", "-O", "tftp", "-x", "hostname:idrac-1")
    assert done.returncode == 0, done.stderr
    address = client.told("bound", "ip")
    assert address in {f"10.99.5.{number}" for number in range(100, 120)}
    assert client.told("bound", "boot_file") is None
    assert client.told("bound", "bootfile") is None
    assert client.told("bound", "tftp") is None
    (event,) = [each for each in client.cable.memory.events if each.kind == "bmc"]
    facts = dict(event.data)
    assert (facts["vendor"], facts["address"]) == ("Dell iDRAC", address)


def test_udhcpc_as_stage1(client: Client) -> None:
    """As our small Linux starts it: on a machine's own card, and on one that never booted."""
    as_stage1 = ("-C", "-V", "bridgehead-stage1")
    assert client.udhcpc(*as_stage1).returncode == 0
    assert client.told("bound", "ip") == ADDRESS
    assert client.told("bound", "serverid") == str(BRIDGE)
    assert client.told("bound", "boot_file") is None
    client.mac(Mac("525400000098"))
    assert client.udhcpc("-C").returncode == 1, "a stranger's system is not answered"
    assert client.udhcpc(*as_stage1).returncode == 0
    assert client.told("bound", "lease") == "120"
    assert [event.seen for event in client.cable.memory.events if event.seen] == []


def test_udhcpc_checks_its_address_and_declines(client: Client) -> None:
    """Another machine sits on the address (ARP): udhcpc declines, and is given another.

    The other machine hangs on a bridge in the server's namespace, so that the client sees it.
    """
    pair = client.cable.pair
    ip("-n", pair.server, "address", "add", f"{ADDRESS}/32", "dev", pair.server_interface)
    done = client.udhcpc("-a500", "-A", "1")
    assert done.returncode == 0, done.stderr
    assert client.told("bound", "ip") != ADDRESS
    assert leases(client)[ADDRESS] == "declined"
