"""Stage-1's own client against the boot process: the two know of each other by HTTP alone."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from appliance.boot.control import Order, Reported
from appliance.boot.model import CARD_MARK, TOKEN_MARK, OrderKind, ServedFile
from appliance.boot.process import BootProcess
from appliance.discover.report import MAX_REPORT
from appliance.discover.stage1.bridge import Bridge, OverError, RefusedError
from appliance.discover.stage1.orders import install_of
from appliance.tools.clock import Clock
from appliance.values import Secret
from tests.unit.boot.boot_world import HV1, HV1_ADDRESS, HV2, HV2_ADDRESS, NETWORK, armed, held
from tests.unit.boot.running_loop import reachable, until

KERNEL = os.urandom(3_000_000)


@dataclass
class Site:
    """A running boot process, its HTTP port, and what it told of machines."""

    process: BootProcess
    port: int
    folder: Path
    reports: list[Reported] = field(default_factory=list)

    def bridge(self, address: IPv4Address = HV2_ADDRESS) -> Bridge:
        """Give stage-1's side, on the card with an address."""
        return Bridge(f"http://127.0.0.1:{self.port}", "", str(address))

    def heard(self, count: int) -> bool:
        """Listen for reports; say whether there are so many by now."""
        self.reports += [each for each in self.process.events(0.1) if isinstance(each, Reported)]
        return len(self.reports) == count


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """HTTP on a free port of loopback; hv1 is armed, hv2's disk is to be found."""
    reachable(tmp_path)
    (tmp_path / "vmlinuz").write_bytes(KERNEL)
    documents = armed().documents
    assert documents is not None
    line = f"ip=dhcp BOOTIF=01-{CARD_MARK} url=http://b/c/{TOKEN_MARK}/config.yaml"
    documents = replace(documents, kernel="vmlinuz", initrd="vmlinuz", arguments=Secret(line))
    listening = socket.create_server(("127.0.0.1", 0))
    process = BootProcess(clock=Clock.of_this_machine())
    process.set_machines(
        (replace(armed(), documents=documents), replace(held(), discover="its disk is to be found"))
    )
    file = ServedFile("vmlinuz", str(tmp_path / "vmlinuz"), len(KERNEL), "sha256:" + "a" * 64)
    process.start({"http": listening}, tmp_path / "boot", NETWORK, (file,))
    yield Site(process, listening.getsockname()[1], tmp_path)
    process.stop()
    listening.close()


def test_from_the_first_word_to_the_kernel(site: Site) -> None:
    """Health, token, report, waiting with its reason, orders; then what installs, whole."""
    bridge = site.bridge()
    assert bridge.healthy()
    token = bridge.token(str(HV2))
    bridge.report(token, b'{"vendor":"ACME"}')
    until(lambda: site.heard(1))
    assert (site.reports[0].machine, site.reports[0].report) == ("hv2", '{"vendor":"ACME"}')
    orders = bridge.orders(token)
    assert (orders["order"], orders["name"]) == ("wait", "hv2")
    assert orders["reason"] == "its disk is to be found"
    site.process.order(Order(HV2, OrderKind.BLINK, 7))
    until(lambda: bridge.orders(token).get("seconds") == 7)

    bridge = site.bridge(HV1_ADDRESS)
    install = install_of(bridge.orders(bridge.token(str(HV1))))
    assert install.arguments.startswith("ip=dhcp BOOTIF=01-52-54-00-00-00-01 url=http://b/c/")
    # The address in the orders names the port that the process listens at.
    bridge.download(install.kernel, str(site.folder / "got"), lambda _so_far, _size: None)
    assert (site.folder / "got").read_bytes() == KERNEL


def test_refusals_are_read_in_their_own_words(site: Site) -> None:
    """Another's card, a token that is not its own, a report too large, and no report."""
    bridge = site.bridge()
    with pytest.raises(RefusedError, match=r"127\.0\.0\.12 is not the address leased to"):
        bridge.token(str(HV1))
    token = bridge.token(str(HV2))
    with pytest.raises(RefusedError, match="not of the machine at"):
        site.bridge(HV1_ADDRESS).report(token, b"{}")
    with pytest.raises(RefusedError, match="at most"):
        bridge.report(token, json.dumps({"vendor": "x" * MAX_REPORT}).encode())
    with pytest.raises(RefusedError, match="no JSON"):
        bridge.report(token, b"{")
    with pytest.raises(RefusedError, match="one report in 5 s"):
        bridge.report(token, b"{}")
    with pytest.raises(OverError):
        bridge.orders("guess")


def test_it_comes_again_after_a_restart_of_the_services(site: Site) -> None:
    """Its token is over, which is not a refusal like any other."""
    bridge = site.bridge()
    token = bridge.token(str(HV2))
    first = site.process.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: site.process.pid not in (None, first) and bridge.healthy())
    with pytest.raises(OverError, match="no stage-1 of this site"):
        bridge.orders(token)
    assert bridge.orders(bridge.token(str(HV2)))["order"] == "wait"
