"""What a person in front of the machine sees, on each console the kernel has."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from .files import clean, text

_CLEAR = "\x1b[2J\x1b[H"
_WIDTH = 78
_GIB, _GB = 1 << 30, 10**9
_SHOWN_DISKS = 8


class View(NamedTuple):
    """All that is shown."""

    mac: str = ""
    address: str = ""
    bridge: str = ""
    name: str = ""
    state: str = "starting"
    reason: str = ""
    facts: dict[str, Any] | None = None
    loud: bool = False


def render(view: View) -> list[str]:
    """Give the lines to show: who this is, what it waits for, what was found."""
    lines = ["Bridgehead: looking at this machine (nothing is written to any disk)", ""]
    if view.loud:
        lines += ["*" * _WIDTH, f"*****  THIS ONE: {view.name or view.mac}", "*" * _WIDTH, ""]
    lines.append(f"MAC      {view.mac or '-'}   address {view.address or '-'}")
    lines.append(f"Name     {view.name or '(unknown)'}")
    lines.append(f"Bridge   {view.bridge or '(not found yet)'}")
    lines.append(f"State    {view.state}")
    if view.reason:
        lines.append(f"         {view.reason}")
    lines.append("")
    lines += _found(view.facts) if view.facts else ["What is in here is being gathered ..."]
    return [line[:_WIDTH] for line in lines]


def _found(facts: dict[str, Any]) -> list[str]:
    whose = " ".join(facts.get(key, "") for key in ("vendor", "product")).strip() or "unknown"
    memory = facts.get("memory", 0) / _GIB
    lines = [
        f"{whose}, serial {facts.get('serial') or '-'}, {facts.get('firmware', '')}",
        f"{facts.get('cpu_model', '')}, {facts.get('threads', 0)} threads, {memory:.1f} GiB",
    ]
    lines += [_card(nic) for nic in facts.get("nics", [])]
    disks = facts.get("disks", [])
    lines += [_disk(disk) for disk in disks[:_SHOWN_DISKS]]
    if len(disks) > _SHOWN_DISKS:
        lines.append(f"  and {len(disks) - _SHOWN_DISKS} more disks")
    if not disks:
        lines.append("  no disk")
    return lines + [f"  ! {problem}" for problem in facts.get("problems", [])[:4]]


def _card(nic: dict[str, Any]) -> str:
    neighbour = nic["lldp"]
    where = ""
    if neighbour:
        where = f", port {neighbour['port']} of {neighbour['system'] or neighbour['chassis']}"
    return f"  {nic['name']:<12} {nic['mac']} {'link' if nic['link'] else 'NO LINK'}{where}"


def _disk(disk: dict[str, Any]) -> str:
    size = disk["size"] / _GB
    return f"  {disk['name']:<9} {size:.1f} GB {disk['model']} {disk['serial']}: {holds(disk)}"


def holds(disk: dict[str, Any]) -> str:
    """Say in words what is on a disk."""
    if disk["problem"]:
        return str(disk["problem"])
    systems = [each["system"] for each in disk["contents"] if each["system"]]
    kinds = [" ".join(filter(None, (each["kind"], each["label"]))) for each in disk["contents"]]
    return ", ".join(dict.fromkeys(systems or filter(None, kinds))) or "empty"


class Screen:
    """Shows a view on all consoles, whenever it has changed."""

    def __init__(self, root: str = "/") -> None:
        active = text(root, "sys/class/tty/console/active").split()
        self._consoles = [os.path.join(root, "dev", name) for name in active or ["console"]]
        self._shown: Sequence[str] = ()

    def show(self, view: View) -> None:
        """Show it, if it is not what is shown. A console that does not take it is passed over."""
        lines = render(view)
        if lines == self._shown:
            return
        self._shown = lines
        for console in self._consoles:
            # A person's screen is drawn anew; a serial line is a log, of which nothing is wiped.
            on_screen = os.path.basename(console).startswith("tty") and console[-1].isdigit()
            on_screen = on_screen and "ttyS" not in console
            self._write(console, (_CLEAR if on_screen else "\r\n") + "\r\n".join(lines) + "\r\n")

    def say(self, line: str) -> None:
        """Show one line below what is shown."""
        for console in self._consoles:
            self._write(console, f"{clean(line)}\r\n")

    @staticmethod
    def _write(console: str, what: str) -> None:
        try:
            opened = os.open(console, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK)
        except OSError:
            return
        try:
            os.write(opened, what.encode("ascii", "replace"))
        except OSError:
            pass
        finally:
            os.close(opened)
