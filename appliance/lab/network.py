"""The rehearsal's own network: a switch and the appliance's port, each in a network namespace.

Nothing in it can reach, or be reached from, the host's network. Needs root and iproute2.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from appliance.errors import InputError, LabNetworkError

_OWNERS = Path("/run/bridgehead-lab")
_BRIDGE = "br0"
_BRIDGE_MAC = "02:62:68:00:00:01"
_UPLINK = "uplink"
MTU = 1500


@dataclass(slots=True)
class LabNetwork:
    """A switch namespace and an appliance namespace joined to it by one cable.

    `switch` is where machines run, `appliance` where the product runs; `interface` is the
    appliance's port, up and without an address.
    """

    rehearsal_id: str
    interface: str
    taps: list[str] = field(default_factory=list)

    @property
    def switch(self) -> str:
        """The namespace of the bridge and the machines."""
        return f"bh-{self.rehearsal_id}-sw"

    @property
    def appliance(self) -> str:
        """The namespace of the product."""
        return f"bh-{self.rehearsal_id}-ap"

    def add_tap(self, name: str) -> str:
        """Give the switch one more port, a tap for a QEMU machine; give its name back."""
        _ip("-n", self.switch, "tuntap", "add", "dev", name, "mode", "tap")
        _ip("-n", self.switch, "link", "set", name, "mtu", str(MTU), "master", _BRIDGE, "up")
        self.taps.append(name)
        return name

    def add_appliance_address(self, cidr: str) -> None:
        """Put an address on the appliance's port, for what does not do so itself."""
        _ip("-n", self.appliance, "addr", "add", cidr, "dev", self.interface)

    def add_switch_address(self, cidr: str) -> None:
        """Put an address on the switch itself, for the lab's siblings that machines must reach."""
        _ip("-n", self.switch, "addr", "add", cidr, "dev", _BRIDGE)

    def unplug(self) -> None:
        """Pull the appliance's cable: its port loses the carrier and keeps its addresses."""
        _ip("-n", self.switch, "link", "set", _UPLINK, "down")

    def replug(self) -> None:
        """Put the appliance's cable back."""
        _ip("-n", self.switch, "link", "set", _UPLINK, "up")

    def remove_adapter(self) -> None:
        """Pull a USB network adapter: the appliance's interface is gone, addresses and all."""
        _ip("-n", self.switch, "link", "del", _UPLINK)

    def insert_adapter(self) -> None:
        """Put the adapter back: an interface of the same name with a new index."""
        _cable(self)

    def exec_prefix(self, namespace: str) -> list[str]:
        """Give the words to put before a command to run it in that namespace."""
        return exec_prefix(namespace)

    def destroy(self) -> None:
        """Remove everything. Machines must be off. Safe to repeat."""
        for namespace in (self.switch, self.appliance):
            _try_ip("netns", "del", namespace)
        _owner_file(self.rehearsal_id).unlink(missing_ok=True)


def exec_prefix(namespace: str) -> list[str]:
    """Give the words to put before a command to run it in that namespace.

    `ip netns exec` replaces itself with the command, so the process id is the command's.
    """
    return ["ip", "netns", "exec", namespace]


@contextlib.contextmanager
def create(rehearsal_id: str, interface: str) -> Iterator[LabNetwork]:
    """Make the network of one rehearsal, and remove it however the block ends.

    `rehearsal_id` is up to 8 letters and digits, its own for each rehearsal running at a time.
    A kill -9 leaves it behind for `sweep`. Raises InputError, LabNetworkError.
    """
    if not re.fullmatch(r"[a-z0-9]{1,8}", rehearsal_id):
        raise InputError(f"{rehearsal_id!r} is not a rehearsal id: 1 to 8 letters and digits")
    if not re.fullmatch(r"[a-z][a-z0-9.-]{0,14}", interface):
        raise InputError(f"{interface!r} is not an interface name")
    network = LabNetwork(rehearsal_id, interface)
    _write_owner(rehearsal_id)
    try:
        _build(network)
        yield network
    finally:
        network.destroy()


def _build(network: LabNetwork) -> None:
    for namespace in (network.switch, network.appliance):
        _ip("netns", "add", namespace)
        for scope in ("all", "default"):
            _in(namespace, "sh", "-c", f"echo 1 > /proc/sys/net/ipv6/conf/{scope}/disable_ipv6")
        _ip("-n", namespace, "link", "set", "lo", "up")
    # Without one of its own a bridge takes the lowest of its ports' addresses: with each machine
    # that is plugged in it might get another, and who knows the old one talks to nobody.
    named = ("link", "add", _BRIDGE, "address", _BRIDGE_MAC)
    _ip("-n", network.switch, *named, "type", "bridge", "stp_state", "0")
    _ip("-n", network.switch, "link", "set", _BRIDGE, "mtu", str(MTU), "up")
    _cable(network)


def _cable(network: LabNetwork) -> None:
    """Lay the veth: `uplink` on the switch, the appliance's interface at the other end."""
    near = ("name", network.interface, "netns", network.appliance)
    _ip("link", "add", _UPLINK, "netns", network.switch, "type", "veth", "peer", *near)
    _ip("-n", network.switch, "link", "set", _UPLINK, "mtu", str(MTU), "master", _BRIDGE, "up")
    _ip("-n", network.appliance, "link", "set", network.interface, "mtu", str(MTU), "up")


# --- what a killed rehearsal left -----------------------------------------------------------


def sweep() -> list[str]:
    """Remove the networks of rehearsals whose process is gone; give their ids."""
    gone = []
    for path in sorted(_OWNERS.glob("*")) if _OWNERS.is_dir() else []:
        pid, _, started = path.read_text(encoding="ascii").partition(" ")
        if _start_time(int(pid or 0)) != started:
            LabNetwork(path.name, "none").destroy()
            gone.append(path.name)
    return gone


def _owner_file(rehearsal_id: str) -> Path:
    return _OWNERS / rehearsal_id


def _write_owner(rehearsal_id: str) -> None:
    _OWNERS.mkdir(mode=0o755, parents=True, exist_ok=True)
    text = f"{os.getpid()} {_start_time(os.getpid())}"
    try:
        with _owner_file(rehearsal_id).open("x", encoding="ascii") as owner:
            owner.write(text)
    except FileExistsError as error:
        raise LabNetworkError(
            f"rehearsal {rehearsal_id} is running already",
            where=str(_owner_file(rehearsal_id)),
            fix="wait for it, or run `provision rehearse` again, which sweeps what is dead",
        ) from error


def _start_time(pid: int) -> str:
    """Give the process's start time in clock ticks (proc(5), stat field 22); empty when gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[19]


# --- iproute2 -------------------------------------------------------------------------------


def _ip(*words: str) -> None:
    _run("ip", *words)


def _try_ip(*words: str) -> None:
    subprocess.run(["ip", *words], capture_output=True, check=False)


def _in(namespace: str, *words: str) -> None:
    _run(*exec_prefix(namespace), *words)


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabNetworkError(
            f"`{' '.join(words)}` failed",
            where="the rehearsal's network",
            why=done.stderr.strip(),
            fix="a rehearsal needs root and iproute2",
        )
