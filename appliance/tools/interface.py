"""A network interface of this laptop: looked at through sysfs and iproute2, set for the time."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path

from appliance.errors import PreflightError
from appliance.tools.process import run

_SYS = Path("/sys/class/net")
_FORWARDING = "/proc/sys/net/ipv4/conf/{}/forwarding"
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


def look(name: str) -> Interface:
    """Look at an interface. Raises PreflightError if there is none of that name."""
    result = run(["ip", "-json", "address", "show", "dev", name]) if index_of(name) else None
    if result is None or not result.ok:
        raise PreflightError(
            f"there is no network interface {name!r}",
            why=f"this laptop has {', '.join(names()) or 'none'}",
            fix="plug the adapter in, or name another with --interface",
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


def choose() -> str:
    """Take the only interface that has link and carries no default route.

    Raises PreflightError that lists them if there is none, or more than one.
    """
    routes = run(["ip", "-json", "route", "show", "default"])
    taken = {each.get("dev") for each in json.loads(routes.out or "[]")}
    free = [name for name in names() if name not in taken and look(name).carrier]
    if len(free) != 1:
        raise PreflightError(
            "which interface leads to the machines?",
            why=f"with link and without a default route: {', '.join(free) or 'none'}",
            fix="name it with --interface",
        )
    return free[0]


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
            fix=f"run 'nmcli device set {name} managed no', then again",
        )


@contextmanager
def prepared(name: str, address: IPv4Address, prefix: int) -> Iterator[None]:
    """Bring the interface up with the address for the time of the block, and forward nothing.

    What was changed is taken back at the end; what was there before stays. Raises PreflightError.
    """
    look(name)
    was = Path(_FORWARDING.format(name)).read_text().strip()
    put_back = set_address(name, address, prefix)
    try:
        with _not_forwarded_to(IPv4Interface(f"{address}/{prefix}").network):
            yield
    finally:
        with contextlib.suppress(OSError):
            Path(_FORWARDING.format(name)).write_text(was)
        if put_back and index_of(name) is not None:
            run(["ip", "address", "del", f"{address}/{prefix}", "dev", name])


@contextmanager
def _not_forwarded_to(network: IPv4Network) -> Iterator[None]:
    """Drop what other interfaces would forward to the network; we ourselves still reach it.

    The kernel asks only the interface a packet came in by whether it forwards (ip-sysctl), so that
    the switch on our own interface stops one way alone. Rules that a killed run left are used.
    """
    try:
        for rule in _RULES:
            added = run(["ip", "rule", "add", "to", str(network), *rule])
            if not added.ok and "File exists" not in added.err:
                raise PreflightError(
                    f"{network} cannot be kept apart from this laptop's other networks",
                    why=added.err.strip(),
                    fix="run as root, on a kernel with policy routing, as Debian's is",
                )
        yield
    finally:
        for rule in _RULES:
            run(["ip", "rule", "del", "to", str(network), *rule])


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
