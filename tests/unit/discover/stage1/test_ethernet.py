"""Network cards made to work, shown on a pair of virtual ones in a network namespace."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import pytest

from appliance.discover.stage1 import ethernet, lldp

FRAME = (
    lldp.ADDRESS
    + bytes.fromhex("02000000000188cc")
    + bytes.fromhex("0207040200000000ff")
    + bytes.fromhex("040405653031")
    + b"\0\0"
)


def _in_namespace() -> None:
    """Run in a process of its own, which takes its namespace with it."""
    subprocess.run(["ip", "link", "add", "one", "type", "veth", "peer", "name", "two"], check=True)
    listener = ethernet.Listener("one")
    ethernet.bring_up("one")
    ethernet.bring_up("two")
    ethernet.bring_up("two")
    heard = None
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sender:
        sender.bind(("two", 0))
        for _ in range(100):
            sender.send(FRAME)
            heard = listener.hear()
            if heard:
                break
            time.sleep(0.05)
    assert heard is not None
    assert (heard["chassis"], heard["port"]) == ("02:00:00:00:00:ff", "e01")
    ethernet.blink("one", 1)
    listener.close()


@pytest.mark.root
def test_a_card_is_brought_up_and_its_neighbour_heard() -> None:
    """The frame that the other end sends is heard; a card that cannot blink does nothing."""
    code = subprocess.run(
        [
            *("unshare", "--net", sys.executable, "-c"),
            "from tests.unit.discover.stage1.test_ethernet import _in_namespace; _in_namespace()",
        ],
        check=False,
    ).returncode
    assert code == 0


def test_a_card_that_is_not_there() -> None:
    """The kernel's own error."""
    with pytest.raises(OSError, match="No such device"):
        ethernet.bring_up("no-such-card")
