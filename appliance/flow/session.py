"""Opens what a run or a look at a site needs: stores, vault, lock; and closes it again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

from appliance.flow.context import Confirm, Context, Listener, Options
from appliance.paths import Paths
from appliance.store.database import open_database
from appliance.store.documents import Approved, Frozen
from appliance.store.journal import Journal
from appliance.store.lock import hold
from appliance.store.machines import ProvenMachines
from appliance.store.vault import Vault, host_key
from appliance.tools.clock import Clock, as_text


@contextmanager
def opened(
    site_file: Path,
    site_id: str,
    paths: Paths,
    options: Options,
    *,
    listeners: tuple[Listener, ...] = (),
    confirm: Confirm = lambda _question: False,
    exclusive: str | None = None,
) -> Iterator[Context]:
    """Open a site. `exclusive` names who holds it for the time; None only looks.

    Raises BusyError if it is held, PreflightError if its state cannot be opened.
    """
    site_paths = paths.site(site_id)
    clock = Clock.of_this_machine()
    with ExitStack() as stack:
        if exclusive is not None:
            stack.enter_context(hold(site_paths.lock, who=exclusive, since=as_text(clock.utc())))
        connection = open_database(site_paths.database)
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
            vault=Vault(connection, host_key(paths.host_key)),
            clock=clock,
            confirm=confirm,
            resources=ExitStack(),
            listeners=listeners,
        )


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
