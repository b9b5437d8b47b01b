"""Opens what a run or a look at a site needs: stores, vault, lock; and closes it again."""

from __future__ import annotations

import secrets
import signal
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from appliance.flow.context import Confirm, Context, Listener, Options
from appliance.paths import Paths, SitePaths
from appliance.store.database import open_copy, open_database
from appliance.store.discovered import Discoveries, OrdersToStage1
from appliance.store.documents import Agreed, Approved, Frozen
from appliance.store.journal import Journal
from appliance.store.lock import hold
from appliance.store.machines import ProvenMachines
from appliance.store.switches import Switches
from appliance.store.vault import Vault, holds_secrets, host_key
from appliance.tools.clock import Clock, as_text
from appliance.values import Secret


@contextmanager
def opened(  # noqa: PLR0913 - each of its sides is chosen by its caller
    site_file: Path,
    site_id: str,
    paths: Paths,
    options: Options,
    *,
    listeners: tuple[Listener, ...] = (),
    confirm: Confirm = lambda _question: False,
    exclusive: str | None = None,
    keep: bool = True,
) -> Iterator[Context]:
    """Open a site. `exclusive` names who holds it for the time; None only looks.

    With `keep` false nothing is written: what is told and kept goes to a copy in memory.

    Raises BusyError if it is held, PreflightError if its state cannot be opened.
    """
    site_paths = paths.site(site_id)
    clock = Clock.of_this_machine()
    with ExitStack() as stack:
        if exclusive is not None:
            stack.enter_context(hold(site_paths.lock, who=exclusive, since=as_text(clock.utc())))
        connection, key = _kept(paths, site_paths) if keep else _copied(paths, site_paths)
        stack.callback(connection.close)
        yield Context(
            site_file=site_file,
            paths=paths,
            site_paths=site_paths,
            options=options,
            journal=Journal(connection, clock.utc),
            proven=ProvenMachines(connection),
            frozen=Frozen(connection),
            approved=Approved(connection),
            agreed=Agreed(connection),
            discoveries=Discoveries(connection),
            stage1_orders=OrdersToStage1(connection),
            switches=Switches(connection),
            vault=Vault(connection, key),
            clock=clock,
            confirm=confirm,
            resources=ExitStack(),
            listeners=listeners,
        )


def _kept(paths: Paths, site_paths: SitePaths) -> tuple[sqlite3.Connection, Secret]:
    connection = open_database(site_paths.database)
    try:
        return connection, host_key(paths.host_key)
    except BaseException:
        connection.close()
        raise


def _copied(paths: Paths, site_paths: SitePaths) -> tuple[sqlite3.Connection, Secret]:
    connection = open_copy(site_paths.database)
    try:
        # Where there is nothing to open any key will do: the laptop's may have to be made yet.
        sealed = holds_secrets(connection)
        return connection, host_key(paths.host_key) if sealed else Secret(secrets.token_hex())
    except BaseException:
        connection.close()
        raise


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM ask for a clean stop; a second Ctrl-C acts at once."""

    def ask(number: int, frame: FrameType | None) -> None:
        del frame
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
