"""Network namespaces for tests that need root: made here, cleaned up here, never on a real link."""

from __future__ import annotations

import ctypes
import os
import subprocess
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path
from typing import TypeVar

_CLONE_NEWNET = 0x40000000
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Pair:
    """Two namespaces joined by one cable. Only the server's end has an address."""

    server: str
    client: str
    server_interface: str
    client_interface: str


def ip(*words: str) -> None:
    """Run one `ip` command."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextmanager
def veth_pair(address: IPv4Interface) -> Iterator[Pair]:
    """Make two namespaces and a veth between them; take both away at the end."""
    tag = uuid.uuid4().hex[:7]
    pair = Pair(f"bh-s-{tag}", f"bh-c-{tag}", f"s{tag}", f"c{tag}")
    try:
        for name in (pair.server, pair.client):
            ip("netns", "add", name)
            ip("-n", name, "link", "set", "lo", "up")
        peer = ("peer", "name", pair.client_interface, "netns", pair.client)
        ip("-n", pair.server, "link", "add", pair.server_interface, "type", "veth", *peer)
        ip("-n", pair.server, "address", "add", str(address), "dev", pair.server_interface)
        ip("-n", pair.server, "link", "set", pair.server_interface, "up")
        ip("-n", pair.client, "link", "set", pair.client_interface, "up")
        yield pair
    finally:
        for name in (pair.server, pair.client):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)


def inside(namespace: str, work: Callable[[], T]) -> T:
    """Run `work` on a thread of its own in a namespace; sockets it opens stay there."""

    def enter_and_work() -> T:
        libc = ctypes.CDLL(None, use_errno=True)
        with Path(f"/run/netns/{namespace}").open() as handle:
            if libc.setns(handle.fileno(), _CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        return work()

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(enter_and_work).result()
