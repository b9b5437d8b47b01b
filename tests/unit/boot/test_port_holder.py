"""A held port is traced to its program, from the kernel's own tables."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from appliance.boot.port_holder import Holder, find_holder


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_own_socket_is_found(kind: socket.SocketKind) -> None:
    """A socket of this very process is found, with its pid."""
    with socket.socket(socket.AF_INET, kind) as held:
        held.bind(("127.0.0.1", 0))
        protocol = "udp"
        if kind is socket.SOCK_STREAM:
            held.listen()
            protocol = "tcp"
        holder = find_holder(protocol, held.getsockname()[1])
    assert holder is not None
    assert holder.pid == os.getpid()
    assert str(os.getpid()) in str(holder)


def test_ipv6_socket_counts() -> None:
    """A server on the IPv6 wildcard takes IPv4's port too."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as held:
        held.bind(("::1", 0))
        holder = find_holder("udp", held.getsockname()[1])
    assert holder is not None
    assert holder.pid == os.getpid()


def test_free_port_has_no_holder(tmp_path: Path) -> None:
    """Nothing in the tables, nobody named; and tables that are missing are no error."""
    assert find_holder("udp", 67, proc=tmp_path) is None


def test_holder_that_may_not_be_looked_into(tmp_path: Path) -> None:
    """The kernel says the port is held, but no process shows the socket."""
    net = tmp_path / "thread-self" / "net"
    net.mkdir(parents=True)
    row = (
        "  1: 00000000:0043 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 4711 2 0 0"
    )
    (net / "udp").write_text(f"header\n{row}\n")
    (tmp_path / "77" / "fd").mkdir(parents=True)
    assert find_holder("udp", 67, proc=tmp_path) == Holder(
        "a program of another user or container", None
    )
    (tmp_path / "77" / "fd" / "3").symlink_to("socket:[4711]")
    (tmp_path / "77" / "comm").write_text("dnsmasq\n")
    holder = find_holder("udp", 67, proc=tmp_path)
    assert holder == Holder("dnsmasq", 77)
    assert str(holder) == "dnsmasq (pid 77)"
