"""A context on a real store in a temporary folder, for the flow's tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from appliance.flow.context import Context, Listener, Options
from appliance.paths import Paths
from appliance.store.database import open_database
from appliance.store.discovered import Discoveries, OrdersToStage1
from appliance.store.documents import Agreed, Approved, Frozen
from appliance.store.journal import Journal
from appliance.store.machines import ProvenMachines
from appliance.store.switches import Switches
from appliance.store.vault import Vault
from appliance.tools.clock import Clock
from appliance.values import Secret


class Ticks:
    """A clock that the test moves; both its times count in seconds."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def read(self) -> float:
        """Give the time."""
        return self.now


@contextmanager
def context_in(
    folder: Path,
    *,
    options: Options | None = None,
    listeners: tuple[Listener, ...] = (),
    site_file: Path | None = None,
    ticks: Ticks | None = None,
) -> Iterator[Context]:
    """Open a context whose run has begun."""
    ticks = ticks or Ticks()
    paths = Paths(folder)
    site_paths = paths.site("alpha")
    connection = open_database(site_paths.database)
    try:
        journal = Journal(connection, ticks.read)
        yield Context(
            site_file=site_file or folder / "site.yaml",
            paths=paths,
            site_paths=site_paths,
            options=options or Options(interface="lo"),
            journal=journal,
            proven=ProvenMachines(connection),
            frozen=Frozen(connection),
            approved=Approved(connection),
            agreed=Agreed(connection),
            discoveries=Discoveries(connection),
            stage1_orders=OrdersToStage1(connection),
            switches=Switches(connection),
            vault=Vault(connection, Secret("a laptop's key")),
            clock=Clock(ticks.read, ticks.read),
            confirm=lambda _question: False,
            resources=ExitStack(),
            listeners=listeners,
            run=journal.begin_run("0", "lo"),
        )
    finally:
        connection.close()
