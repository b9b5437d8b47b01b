"""The verbs for machines that show themselves: who is there, which is which, on which disk."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from appliance.cli.options import JsonAnswer, SiteFile, StateFolder, Yes
from appliance.cli.printing import print_text
from appliance.errors import InputError
from appliance.flow.choosing import Wish, approve_machine, blink, identify
from appliance.flow.looking import look_at
from appliance.paths import Paths

Which = Annotated[
    str,
    typer.Argument(
        metavar="WHICH", help="Its MAC address, serial number, UUID, or name in the site."
    ),
]


def show_status(
    site: SiteFile,
    machine: Annotated[
        str,
        typer.Argument(
            metavar="MACHINE", help="Only this machine, with its facts and its history."
        ),
    ] = "",
    as_json: JsonAnswer = False,
    state: StateFolder = Paths().root,
) -> None:
    """Show what is known of each machine, and which unknown ones wait."""
    look = look_at(site, Paths(state))
    if as_json:
        print_text(json.dumps(look.status(machine), indent=2))
    else:
        print_text(look.status_as_text(machine))


def approve(
    site: SiteFile,
    which: Annotated[
        str, typer.Argument(metavar="WHICH", help="Its MAC address, serial number or UUID.")
    ] = "",
    mac: Annotated[str, typer.Option("--mac", help="The same: the MAC its screen shows.")] = "",
    name: Annotated[str, typer.Option("--name", help="The name it gets.")] = "",
    disk: Annotated[
        str, typer.Option("--disk", help="The disk to install on, as it was reported.")
    ] = "",
    role: Annotated[str, typer.Option("--role", help="create or join.")] = "",
    erase: Annotated[
        str, typer.Option("--erase", help="Its name again: what is on that disk may go.")
    ] = "",
    state: StateFolder = Paths().root,
) -> None:
    """Say that a machine is one of the site; without WHICH, list those that wait."""
    look = look_at(site, Paths(state))
    wish = Wish(name, disk, role, erase)
    if not (which or mac):
        if wish != Wish(""):
            raise InputError(
                "which machine is meant?",
                where="WHICH",
                fix=f"give its MAC address, serial number or UUID: 'provision approve {site}' "
                "lists those that wait",
            )
        for line in list(look.waiting_as_text()) or ["no unknown machine waits"]:
            print_text(line)
        return
    with look.writing() as context:
        print_text(approve_machine(context, look.plan, which or mac, wish))


def identify_machine(
    site: SiteFile,
    which: Which,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The name it has in the site.")],
    yes: Yes = False,
    state: StateFolder = Paths().root,
) -> None:
    """Say which machine this is: before its installation, or after its board was replaced."""
    look = look_at(site, Paths(state))
    with look.writing() as context:
        print_text(identify(context, look.plan, which, name, sure=yes))


def blink_machine(site: SiteFile, which: Which, state: StateFolder = Paths().root) -> None:
    """Have a machine that waits show itself: its network card blinks, its screen says so."""
    look = look_at(site, Paths(state))
    with look.writing() as context:
        print_text(blink(context, look.plan, which))
