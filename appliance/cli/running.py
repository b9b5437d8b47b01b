"""A run as the command line shows it: the live table, plain lines, or JSON lines."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import typer

from appliance.cli.lines import JsonPrinter
from appliance.cli.live import live_listener
from appliance.cli.printing import print_error, print_event, print_text
from appliance.errors import BridgeheadError, InputError
from appliance.flow.checking import check_all
from appliance.flow.context import Options
from appliance.flow.looking import look_at
from appliance.flow.preflight import refuse_at_once, refuse_unless_root
from appliance.flow.run import STEPS, provision
from appliance.flow.session import opened, stopped_by_signals
from appliance.flow.taking_down import take_down, what_goes
from appliance.paths import Paths
from appliance.tools.interface import choose


@dataclass(frozen=True, slots=True)
class Wish:
    """What the operator asked for."""

    site: Path
    paths: Paths
    interface: str
    until: str | None
    as_json: bool
    yes: bool
    proxy: bool = False
    single_port: bool = False
    clock_is_right: bool = False
    may_lose: frozenset[str] = frozenset()
    reviewed: str = ""

    def options(self) -> Options:
        """Give the run's options. Raises InputError or PreflightError where they cannot be."""
        names = [step.name for step in STEPS]
        if self.until is not None and self.until not in names:
            raise InputError(
                f"there is no step {self.until!r}", where="--to", fix=f"one of {', '.join(names)}"
            )
        return Options(
            interface=self.interface or choose(),
            proxy=self.proxy,
            yes=self.yes,
            tftp_single_port=self.single_port,
            until=self.until,
            clock_is_right=self.clock_is_right,
            may_lose=self.may_lose,
            reviewed=self.reviewed,
        )


def run_site(wish: Wish) -> None:
    """Run a site. Raises what the run raises; what a look refuses, before anything is written."""
    look = look_at(wish.site, wish.paths)
    options = wish.options()
    refuse_at_once(options, wish.paths.site(look.plan.site_id))
    with ExitStack() as stack:
        listener = (
            JsonPrinter(sys.stdout).feed
            if wish.as_json
            else stack.enter_context(live_listener(look.plan, sys.stdout))
        )
        context = stack.enter_context(
            opened(
                wish.site,
                look.plan.site_id,
                wish.paths,
                options,
                listeners=(listener,),
                confirm=_ask,
                exclusive="provision run",
            )
        )
        stack.enter_context(stopped_by_signals(context.stop))
        provision(context)


def undo_whole_site(wish: Wish) -> None:
    """Take a site down. Raises InputError unless it was agreed to, and what the flow raises."""
    look = look_at(wish.site, wish.paths)
    if not wish.yes:
        with look.reading() as context:
            what = what_goes(context, look.plan)
        raise InputError(what, fix=f"say so: provision undo {wish.site} --site --yes")
    refuse_unless_root("taking a site down needs root", why="it sets an address for the time")
    with (
        opened(
            wish.site, look.plan.site_id, wish.paths, wish.options(), exclusive="provision undo"
        ) as context,
        stopped_by_signals(context.stop),
    ):
        for line in take_down(context, look.plan):
            print_text(line)


def check_site(wish: Wish) -> None:
    """Check a site and its laptop, changing nothing; print all that is right and all that is not.

    Raises SiteFileError, typer.Exit with the code of the first fault that is found.
    """
    look = look_at(wish.site, wish.paths)
    options = Options(wish.interface, proxy=wish.proxy, yes=wish.yes)
    codes = []
    for found in check_all(look, options, confirm=_ask):
        if isinstance(found, BridgeheadError):
            print_error(found, as_json=wish.as_json)
            codes.append(found.exit_code)
        else:
            print_event("checked", found, {}, as_json=wish.as_json)
    if codes:
        raise typer.Exit(codes[0])


def _ask(question: str) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"{question} [y/N] ").strip().lower() in ("y", "yes")
