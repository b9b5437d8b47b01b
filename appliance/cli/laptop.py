"""The verb for the laptop itself, and the options by which others speak of it."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.options import InterfaceName
from appliance.cli.printing import print_text
from appliance.flow.laptop import InstallWish, install, take_back
from appliance.flow.session import stopped_by_signals

OfLaptop = Annotated[
    bool, typer.Option("--laptop", help="Speak of the laptop's own set-up ('provision install').")
]


def install_here(
    interface: InterfaceName = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and do nothing.")
    ] = False,
    wheel: Annotated[
        Path | None, typer.Option("--wheel", help="The appliance to install; else this one.")
    ] = None,
    wheels: Annotated[
        Path | None,
        typer.Option("--wheels", help="A folder of Python packages; no index is asked."),
    ] = None,
    packages: Annotated[
        Path | None,
        typer.Option("--packages", help="A folder of Debian packages; no source is asked."),
    ] = None,
) -> None:
    """Make this laptop the bridge: packages, user, units, firewall. Again = put it right."""
    wish = InstallWish(interface, wheel, wheels, packages)
    stop = threading.Event()
    with stopped_by_signals(stop):
        changed = install(wish, _would if dry_run else print_text, stop, check=dry_run)
    if not changed:
        print_text("this laptop is the bridge: nothing is to be changed")


def show_laptop(interface: str) -> None:
    """Print what `provision install` would change."""
    print_text("\nthe laptop")
    install_here(interface, dry_run=True)


def undo_laptop() -> None:
    """Take back what `provision install` did."""
    stop = threading.Event()
    with stopped_by_signals(stop):
        changed = take_back(print_text, stop)
    if not changed:
        print_text("nothing of the laptop's set-up is left to take back")


def _would(line: str) -> None:
    print_text(f"  would: {line}")
