"""A network interface of this laptop: looked at through sysfs and iproute2, set for the time."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any

from appliance import advice
from appliance.errors import PreflightError
from appliance.tools.process import run

_SYS = Path("/sys/class/net")
_FORWARDING = "/proc/sys/net/ipv4/conf/{}/forwarding"
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
NOTE = Path("/etc/bridgehead/installed.json")
"""What `provision install` noted: playbooks/roles/bridge."""
_RULES = (
    ("iif", "lo", "lookup", "main", "pref", "7710"),
    ("blackhole", "pref", "7711"),
)
"""Routing rules of a network that nothing is forwarded to: `lo` stands for this laptop itself."""


@dataclass(frozen=True, slots=True)
class Interface:
    """What an interface is now. `index` changes when an adapter is plugged in again."""

    name: str
    index: int
    mac: str
    up: bool
    carrier: bool
    addresses: tuple[IPv4Interface, ...]


def names() -> tuple[str, ...]:
    """Give the interfaces of this laptop but for loopback."""
    return tuple(sorted(each.name for each in _SYS.iterdir() if each.name != "lo"))


def index_of(name: str) -> int | None:
    """Give the kernel's number of an interface, or None while it is not there."""
    try:
        return int((_SYS / name / "ifindex").read_text())
    except OSError:
        return None


def carrier(name: str) -> bool:
    """Say whether the interface has link; False too while it is down or not there."""
    try:
        return (_SYS / name / "carrier").read_text().strip() == "1"
    except OSError:
        return False


def interface_with(address: IPv4Address) -> str:
    """Name the interface of this laptop that has an address; empty where none has."""
    for entry in json.loads(run(["ip", "-json", "-4", "address", "show"]).out or "[]"):
        if str(address) in {each.get("local") for each in entry.get("addr_info", ())}:
            return str(entry["ifname"])
    return ""


def look(name: str) -> Interface:
    """Look at an interface. Raises PreflightError if there is none of that name."""
    result = run(["ip", "-json", "address", "show", "dev", name]) if index_of(name) else None
    if result is None or not result.ok:
        raise PreflightError(
            f"there is no network interface {name!r}",
            why=f"this laptop has {', '.join(names()) or 'none'}",
            fix=f"plug the adapter in, or {advice.other_interface()}",
        )
    (entry,) = json.loads(result.out)
    return Interface(
        name=name,
        index=entry["ifindex"],
        mac=entry.get("address", ""),
        up="UP" in entry["flags"],
        carrier="LOWER_UP" in entry["flags"],
        addresses=tuple(
            IPv4Interface(f"{each['local']}/{each['prefixlen']}")
            for each in entry["addr_info"]
            if each["family"] == "inet"
        ),
    )


def choose(note: Path = NOTE) -> str:
    """Take the interface that `provision install` set up, else the only free one with link.

    An installed one may be down: what managed the network leaves it alone. Free is what carries no
    default route. Raises PreflightError that lists them if there is none, or more than one.
    """
    installed = _installed(note)
    if index_of(installed) is not None:
        return installed
    routes = run(["ip", "-json", "route", "show", "default"])
    taken = {each.get("dev") for each in json.loads(routes.out or "[]")}
    free = [name for name in names() if name not in taken and look(name).carrier]
    if len(free) != 1:
        raise PreflightError(
            "which interface leads to the machines?",
            why=f"with link and without a default route: {', '.join(free) or 'none'}",
            fix=advice.name_interface(),
        )
    return free[0]


def _installed(note: Path) -> str:
    try:
        said = json.loads(note.read_text("utf-8"))["interface"]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return said if isinstance(said, str) and "/" not in said else ""


def held_by_network_manager(name: str) -> bool:
    """Say whether NetworkManager manages the interface and would take its address away."""
    if shutil.which("nmcli") is None:
        return False
    state = run(["nmcli", "-g", "GENERAL.STATE", "device", "show", name])
    return state.ok and bool(state.out.strip()) and "unmanaged" not in state.out


def refuse_if_managed(name: str) -> None:
    """Raise PreflightError if NetworkManager holds the interface."""
    if held_by_network_manager(name):
        raise PreflightError(
            f"NetworkManager holds {name}",
            why="it would change the address while machines are booting",
            fix=f"run 'nmcli device set {name} managed no', or for good {advice.install()}",
        )


@dataclass(frozen=True, slots=True)
class Setting:
    """What is set on an interface for a time, and what was there before.

    `lacked`: the interface did not have the address. `boot` is the kernel's name of the time since
    the laptop started: nothing that was set outlives it.
    """

    interface: str
    address: IPv4Interface
    lacked: bool
    forwarding: str
    boot: str

    def as_json(self) -> dict[str, Any]:
        """Give it as it is kept."""
        return {
            "interface": self.interface,
            "address": str(self.address),
            "lacked": self.lacked,
            "forwarding": self.forwarding,
            "boot": self.boot,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Setting:
        """Read what `as_json` gave."""
        return cls(**{**kept, "address": IPv4Interface(kept["address"])})

    def is_same_place(self, other: Setting) -> bool:
        """Say whether both set the same address on the same interface since the same start."""
        return (self.interface, self.address, self.boot) == (
            other.interface,
            other.address,
            other.boot,
        )


def about_to_set(name: str, address: IPv4Address, prefix: int) -> Setting:
    """Look at what `prepare` would change; nothing is changed. Raises PreflightError."""
    return Setting(
        interface=name,
        address=IPv4Interface(f"{address}/{prefix}"),
        lacked=address not in {each.ip for each in look(name).addresses},
        forwarding=Path(_FORWARDING.format(name)).read_text().strip(),
        boot=_BOOT_ID.read_text().strip(),
    )


def prepare(setting: Setting) -> None:
    """Bring the interface up with the address, and have nothing forwarded to or from it.

    Raises PreflightError; what was changed until then is left to `take_back`.
    """
    set_address(setting.interface, setting.address.ip, setting.address.network.prefixlen)
    _forward_nothing_to(setting.address.network)


def take_back(setting: Setting) -> tuple[str, ...]:
    """Undo what `prepare` did, and leave what was there before; say what was done.

    What is not there any more, because it was taken back already or the adapter is gone, is passed
    over. The interface stays switched on: that hands out nothing, and a switch need not wait again.
    """
    if setting.boot != _BOOT_ID.read_text().strip():
        return ()
    name, done = setting.interface, []
    path = Path(_FORWARDING.format(name))
    with contextlib.suppress(OSError):
        if path.read_text().strip() != setting.forwarding:
            path.write_text(setting.forwarding)
            done.append(f"forwarding of {name} is {setting.forwarding} again")
    if setting.lacked and index_of(name) is not None:
        words = ["ip", "address", "del", str(setting.address), "dev", name]
        if run(words).ok:
            done.append(f"address {setting.address} is taken from {name}")
    network = str(setting.address.network)
    removed = [run(["ip", "rule", "del", "to", network, *rule]).ok for rule in _RULES]
    if any(removed):
        done.append(f"routing rules of {network} are removed")
    return tuple(done)


def _forward_nothing_to(network: IPv4Network) -> None:
    """Drop what other interfaces would forward to the network; we ourselves still reach it.

    The kernel asks only the interface a packet came in by whether it forwards (ip-sysctl), so that
    the switch on our own interface stops one way alone. Rules that a killed run left are used.
    """
    for rule in _RULES:
        added = run(["ip", "rule", "add", "to", str(network), *rule])
        if not added.ok and "File exists" not in added.err:
            raise PreflightError(
                f"{network} cannot be kept apart from this laptop's other networks",
                why=added.err.strip(),
                fix="run as root, on a kernel with policy routing, as Debian's is",
            )


def set_address(name: str, address: IPv4Address, prefix: int) -> bool:
    """Give the interface the address if it lacks it, bring it up, and have it forward nothing.

    Says whether it lacked the address. Raises PreflightError.
    """
    before = look(name)
    lacks = address not in {each.ip for each in before.addresses}
    if lacks:
        added = run(["ip", "address", "replace", f"{address}/{prefix}", "dev", name])
        if not added.ok:
            raise PreflightError(
                f"{name} cannot be given the address {address}/{prefix}",
                why=added.err.strip(),
                fix="run as root",
            )
    if not before.up:
        run(["ip", "link", "set", "dev", name, "up"])
    # A re-plugged adapter is a new interface, which forwards if the laptop's others do.
    with contextlib.suppress(OSError):
        Path(_FORWARDING.format(name)).write_text("0")
    return lacks
