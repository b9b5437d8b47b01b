"""The verb `web`: the wizard, for a browser on this laptop or beside it."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from appliance.cli.options import InterfaceName, StateFolder
from appliance.cli.printing import print_text
from appliance.flow.session import stopped_by_signals
from appliance.paths import Paths
from appliance.tools.clock import Clock
from appliance.tools.words import printable
from appliance.web.app import make_app
from appliance.web.deps import DEFAULT_LISTEN, Deps, Listen
from appliance.web.guard import allowed_hosts
from appliance.web.laptop import ChosenInterface
from appliance.web.password import PasswordStore
from appliance.web.runs import Runs
from appliance.web.server import names_of_laptop, open_socket, serving
from appliance.web.tls import Certificate, own_certificate


def serve_wizard(
    site: Annotated[
        Path | None,
        typer.Argument(
            metavar="SITE",
            help="The site file; without one, site.yaml of the state folder, which it begins.",
        ),
    ] = None,
    listen: Annotated[
        str,
        typer.Option(
            "--listen", envvar="BRIDGEHEAD_LISTEN", help="Address and port; TLS but on loopback."
        ),
    ] = DEFAULT_LISTEN,
    reset_password: Annotated[
        bool,
        typer.Option("--reset-password", help="Forget the password, give a new code, and end."),
    ] = False,
    interface: InterfaceName = "",
    state: StateFolder = Paths().root,
) -> None:
    """Serve the wizard until Ctrl-C; a run that it started goes on without it."""
    paths = Paths(state)
    password = PasswordStore(paths.operator)
    if reset_password:
        print_text(_code_line(password.reset().reveal()))
        print_text("everybody is signed out; set the new password in the browser with this code")
        return
    where = Listen.parse(listen)
    if not where.loopback:
        where = replace(where, names=names_of_laptop(where.host))
    clock, stop = Clock.of_this_machine(), threading.Event()
    with ExitStack() as stack:
        opened = stack.enter_context(open_socket(where))
        where = replace(where, port=opened.getsockname()[1])
        certificate = _certificate(paths, where, clock)
        app = make_app(
            Deps(
                paths,
                (site or paths.web_site_file).absolute(),
                clock,
                password,
                Runs(paths, ChosenInterface(paths, interface).name),
                interface,
                where,
                log,
                in_journal=_in_journal(),
            )
        )
        stack.enter_context(stopped_by_signals(stop))
        stack.enter_context(serving(opened, app, certificate, clock, log))
        _greet(where, certificate, password)
        stop.wait()


def log(text: str) -> None:
    """Write a line to standard error: what a client sent comes without its control codes."""
    sys.stderr.write("\n".join(printable(line) for line in text.splitlines()) + "\n")


def _in_journal() -> bool:
    """Whether what is printed goes to the journal, as a service's does (systemd.exec(5))."""
    streams = (os.fstat(each) for each in (1, 2))
    named = os.environ.get("JOURNAL_STREAM")
    return named in [f"{stream.st_dev}:{stream.st_ino}" for stream in streams]


def _certificate(paths: Paths, where: Listen, clock: Clock) -> Certificate | None:
    if not where.tls:
        return None
    names = (*allowed_hosts(where), "localhost", "127.0.0.1")
    good = [name for name in names if name not in {"0.0.0.0", "::"}]  # noqa: S104 - no name
    return own_certificate(paths.web_certificate, paths.web_key, good, clock.utc())


def _greet(where: Listen, certificate: Certificate | None, password: PasswordStore) -> None:
    hosts = where.names if where.everywhere else (where.host,)
    for host in hosts:
        print_text(f"the wizard:     {where.url(host)}")
    if certificate is not None:
        print_text(f"fingerprint:    SHA-256 {certificate.fingerprint}")
        print_text("                the browser warns: compare this with what it shows")
    if not password.is_set:
        print_text(_code_line(password.new_code().reveal()))
    print_text("Ctrl-C ends the wizard; a run goes on without it")
    sys.stdout.flush()


def _code_line(code: str) -> str:
    return f"one-time code:  {code}"
