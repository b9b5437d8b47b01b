"""The verbs for the power of machines: how each is switched, on, off, and its BMC's password."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from appliance.cli.options import InterfaceName, JsonAnswer, SiteFile, StateFolder, Yes
from appliance.cli.printing import print_text
from appliance.cli.secret_file import given_secret
from appliance.errors import InputError
from appliance.flow.looking import look_at
from appliance.flow.switchboard import Switchboard
from appliance.paths import Paths
from appliance.power import known
from appliance.site.plan import Way
from appliance.tools.interface import choose

power_app = typer.Typer(
    no_args_is_help=True, help="Switch machines by their BMCs, and see how they stand."
)

Node = Annotated[str, typer.Argument(metavar="NODE", help="The machine's name.")]
OneOrAll = Annotated[str, typer.Argument(metavar="NODE", help="Only this machine.")]
NewCertificate = Annotated[
    bool,
    typer.Option(
        "--new-certificate", help="Take the certificate that the BMC shows now for the right one."
    ),
]


@contextmanager
def _board(site: Path, state: Path, node: str = "", interface: str = "") -> Iterator[Switchboard]:
    look = look_at(site, Paths(state))
    machine = look.plan.machine(node)
    if not interface and machine is not None and machine.bmc.way is Way.WAKE_ON_LAN:
        interface = choose()
    with look.writing() as context:
        yield Switchboard(context, look.plan, interface=interface)


@power_app.command("status")
def show_power(
    site: SiteFile,
    node: OneOrAll = "",
    new_certificate: NewCertificate = False,
    as_json: JsonAnswer = False,
    state: StateFolder = Paths().root,
) -> None:
    """Ask each BMC whether its machine is on, and of one machine also what it is."""
    names = [node] if node else [each.name for each in look_at(site, Paths(state)).plan.machines]
    if new_certificate and not node:
        raise InputError("--new-certificate is for one machine", fix="name it as well")
    found = {}
    with _board(site, state, node) as board:
        if new_certificate:
            board.meet_anew(node)
        for name in names:
            seen = board.status(name)
            if node and not seen.error:
                board.inventory(name)
                seen = board.kept(name)
            found[name] = seen.as_json()
            if not as_json:
                print_text(f"{name:<16} {seen.text}")
                if seen.unfinished:
                    print_text(f"    'provision power on SITE {name}' switches it on")
                lines = known.facts(seen.known) if node else ()
                for label, text in lines:
                    print_text(f"    {label:<14} {text}")
                for each in seen.known.differences:
                    print_text(f"    differs        {each}")
    if as_json:
        print_text(json.dumps({"machines": found}, indent=2))


@power_app.command("on")
def switch_on(
    site: SiteFile, node: Node, interface: InterfaceName = "", state: StateFolder = Paths().root
) -> None:
    """Switch a machine on; one that is on stays as it is."""
    with _board(site, state, node, interface) as board:
        print_text(board.on(node))


@power_app.command("off")
def switch_off(
    site: SiteFile, node: Node, yes: Yes = False, state: StateFolder = Paths().root
) -> None:
    """Switch a machine off at once, as by holding its button."""
    with _board(site, state, node) as board:
        print_text(board.off(node, _typed(board, node, "off", yes=yes)))


@power_app.command("cycle")
def switch_off_and_on(
    site: SiteFile, node: Node, yes: Yes = False, state: StateFolder = Paths().root
) -> None:
    """Switch a machine off and on again; one that is off is switched on."""
    with _board(site, state, node) as board:
        typed = _typed(board, node, "cycle", yes=yes)
        with _to_its_end(node):
            print_text(board.cycle(node, typed))


@contextmanager
def _to_its_end(node: str) -> Iterator[None]:
    """Let off-and-on end though Ctrl-C, SIGTERM or a hang-up comes; a second Ctrl-C acts at once.

    Ended between the two, it would leave the machine off.
    """
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        again = asked.is_set()
        asked.set()  # at once: the next signal may come while this one is answered
        if not again:
            _say(f"{node} is switched on again first; Ctrl-C once more ends at once")
        elif number == signal.SIGINT:
            _say(f"{node} may be left off: 'provision power status SITE {node}' says")
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, ask) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(words: str) -> None:
    """Write a line from a signal's handler, where a buffered stream may be in the middle of one."""
    with suppress(OSError):  # a terminal that was closed
        os.write(sys.stderr.fileno(), f"\n{words}\n".encode())


def _typed(board: Switchboard, node: str, verb: str, *, yes: bool) -> str:
    """Give the name as it was typed, where switching off could hurt and somebody can be asked."""
    why = "" if yes else board.needs_name(node, look=True)
    if not why:
        return node
    if not sys.stdin.isatty():
        return ""
    return input(f"{node}: {why}. Power {verb}? Type its name: ").strip()


@power_app.command("password")
def keep_password(
    site: SiteFile,
    node: OneOrAll = "",
    password_file: Annotated[
        Path | None,
        typer.Option(
            "--password-file",
            help="Read the password from this file's first line.",
            readable=False,
        ),
    ] = None,
    state: StateFolder = Paths().root,
) -> None:
    """Keep the password of the BMCs in this laptop's vault: of one machine's, or of all."""
    with _board(site, state) as board:
        board.refuse_without_bmc(node)
        password = given_secret("password", "Password of the BMC", password_file)
        print_text(board.put_password(node, password))


@power_app.command("probe")
def probe_bmc(
    site: SiteFile,
    node: Node,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder to write to; else bmc-NODE here.")
    ] = None,
    state: StateFolder = Paths().root,
) -> None:
    """Read an unknown kind of BMC and change nothing: a starter profile and a recording."""
    with _board(site, state, node) as board:
        for line in board.probe(node, out or Path(f"bmc-{node}")):
            print_text(line)
