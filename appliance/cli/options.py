"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

# `readable=False`: who opens the file says what to do where it cannot be read; Typer does not.
SiteFile = Annotated[
    Path, typer.Argument(metavar="SITE", help="The site file, site.yaml.", readable=False)
]
InterfaceName = Annotated[
    str,
    typer.Option(
        "--interface",
        envvar="BRIDGEHEAD_INTERFACE",
        help="The provisioning interface; without it the one that 'provision install' set up, "
        "else the only free one with link.",
    ),
]
StateFolder = Annotated[
    Path,
    typer.Option(
        "--state",
        envvar="BRIDGEHEAD_STATE",
        help="Where the laptop keeps state.",
        readable=False,
    ),
]
Until = Annotated[str | None, typer.Option("--to", help="Stop after this step: s1 to s8.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the Plan and do nothing.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON event a line.")]
JsonAnswer = Annotated[bool, typer.Option("--json", help="The answer as one JSON document.")]
Yes = Annotated[bool, typer.Option("--yes", help="Take every question as answered with yes.")]
ClockIsRight = Annotated[
    bool, typer.Option("--clock-is-right", help="Take this laptop's date and time as right.")
]
MayLose = Annotated[
    list[str] | None,
    typer.Option(
        "--may-lose",
        metavar="VM",
        help="This virtual machine may be lost with its disk; several times.",
    ),
]
Reviewed = Annotated[
    str,
    typer.Option(
        "--reviewed",
        metavar="SHA256",
        help="Run this very site file, by its SHA-256, and end where it is another one by then.",
    ),
]
Proxy = Annotated[
    bool, typer.Option("--proxy", help="Boot machines beside the site's own DHCP server.")
]
SinglePort = Annotated[
    bool,
    typer.Option("--tftp-single-port", help="Send every TFTP transfer from port 69."),
]
