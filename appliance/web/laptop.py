"""The laptop as the first page shows it: its clock in words, its network interfaces."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from ipaddress import IPv4Interface
from pathlib import Path

from appliance import advice
from appliance.errors import InputError, PreflightError
from appliance.paths import Paths
from appliance.site.plan import Plan
from appliance.tools.interface import look, names
from appliance.tools.private_file import write_private
from appliance.tools.process import run

_SYS = Path("/sys/class/net")


@dataclass(frozen=True, slots=True)
class Port:
    """A network interface. `speed` in Mbit/s, None where none is known; `chosen`: for a run.

    `uplink`: this laptop's way to other networks, which is never taken by itself.
    """

    name: str
    mac: str
    link: bool
    speed: int | None
    addresses: tuple[str, ...]
    uplink: bool
    chosen: bool

    @property
    def text(self) -> str:
        """How it stands, in words."""
        if not self.link:
            return "no link"
        return "link" if self.speed is None else f"link, {speed_text(self.speed)}"


class ChosenInterface:
    """Which interface leads to the machines: as said at the start, else as chosen on the page."""

    def __init__(self, paths: Paths, said: str = "") -> None:
        self.said = said
        self._file = paths.web_interface

    def name(self) -> str:
        """Give its name; empty: the only fitting one is taken, as without the wizard."""
        if self.said:
            return self.said
        try:
            name = self._file.read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError):
            return ""
        return name if name in names() else ""

    def choose(self, name: str) -> None:
        """Keep the choice; an empty name takes it back. Raises InputError, PreflightError."""
        if name == self.name():
            return
        if self.said:
            raise InputError(
                f"the wizard was started with the interface {self.said}",
                where="interface",
                fix=advice.choose_here(),
            )
        if name and name not in names():
            raise InputError(
                f"there is no network interface {name!r} any more",
                where="interface",
                fix=f"plug the adapter in, or choose another: {', '.join(names())}",
            )
        write_private(self._file, name.encode())


def speed_text(megabits: int) -> str:
    """Write a speed as it stands on a switch."""
    return f"{megabits / 1000:g} Gbit/s" if megabits >= 1000 else f"{megabits} Mbit/s"


def ports(chosen: str = "") -> tuple[Port, ...]:
    """Look at this laptop's interfaces. `chosen` is what was said; else the only fitting one."""
    uplinks = _uplinks()
    found = []
    for name in names():
        with suppress(PreflightError):  # pulled out just now
            seen = look(name)
            if not (seen.carrier or name == chosen or (_SYS / name / "device").exists()):
                continue  # no card of this laptop, and nothing is behind it
            addresses = tuple(map(str, seen.addresses))
            link, uplink = seen.carrier, name in uplinks
            found.append(Port(name, seen.mac, link, _speed(name), addresses, uplink, chosen=False))
    taken = chosen or _only(each.name for each in found if each.link and not each.uplink)
    return tuple(_chosen(each, taken) for each in found)


def _chosen(port: Port, taken: str) -> Port:
    if port.name != taken:
        return port
    return Port(
        port.name, port.mac, port.link, port.speed, port.addresses, port.uplink, chosen=True
    )


def _only(fitting: Iterable[str]) -> str:
    found = tuple(fitting)
    return found[0] if len(found) == 1 else ""


def _uplinks() -> frozenset[str]:
    routes = run(["ip", "-json", "route", "show", "default"])
    with suppress(ValueError):
        return frozenset(str(each.get("dev")) for each in json.loads(routes.out or "[]"))
    return frozenset()


def _speed(name: str) -> int | None:
    try:
        megabits = int((_SYS / name / "speed").read_text())
    except (OSError, ValueError):  # without link the kernel refuses to say
        return None
    return megabits if megabits > 0 else None


def conflicts(plan: Plan, found: Iterable[Port]) -> Iterator[str]:
    """Say which networks of this laptop fall on the site's. The chosen interface may hold them."""
    for port in found:
        if port.chosen:
            continue
        for address in port.addresses:
            for network in plan.networks:
                if IPv4Interface(address).network.overlaps(network.cidr):
                    yield (
                        f"{port.name} of this laptop has {address}, which overlaps network "
                        f"{network.name}, {network.cidr}: unplug it, or choose another subnet"
                    )


def clock_now(unix: float) -> str:
    """Write a moment in this laptop's own time zone."""
    return clock_text(unix, datetime.fromtimestamp(unix, UTC).astimezone().tzinfo)


def clock_text(unix: float, zone: tzinfo | None = None) -> str:
    """Write a moment as a question can name it: Friday 20 November 2026, 14:32 UTC."""
    return datetime.fromtimestamp(unix, zone or UTC).strftime("%A %-d %B %Y, %H:%M %Z")
