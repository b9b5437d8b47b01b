"""What every step of a run is handed: the site's stores, the laptop's side, and a way to tell."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance import advice
from appliance.errors import StopRequestedError, StoreFullError
from appliance.paths import Paths, SitePaths
from appliance.site.plan import Plan
from appliance.store.discovered import Discoveries, OrdersToStage1
from appliance.store.documents import Agreed, Approved, Frozen
from appliance.store.journal import Event, Journal
from appliance.store.machines import ProvenMachines
from appliance.store.switches import Switches
from appliance.store.vault import Vault
from appliance.tools.clock import Clock
from appliance.tools.redact import Redactor

Listener = Callable[[Event], None]
Confirm = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Options:
    """What the operator asked for on this laptop; nothing of it is in the site file.

    `yes` answers every question; `clock_is_right` the clock's; `may_lose` names the virtual
    machines that may go with their disks; `reviewed` is the SHA-256 of the site file that was
    looked through, empty where any will do.
    """

    interface: str
    proxy: bool = False
    yes: bool = False
    tftp_single_port: bool = False
    until: str | None = None
    clock_is_right: bool = False
    may_lose: frozenset[str] = frozenset()
    reviewed: str = ""


@dataclass(slots=True)
class Context:
    """One run's surroundings. `resources` is closed, last opened first, when the run ends."""

    site_file: Path
    paths: Paths
    site_paths: SitePaths
    options: Options
    journal: Journal
    proven: ProvenMachines
    frozen: Frozen
    approved: Approved
    agreed: Agreed
    discoveries: Discoveries
    stage1_orders: OrdersToStage1
    switches: Switches
    vault: Vault
    clock: Clock
    confirm: Confirm
    resources: ExitStack
    listeners: tuple[Listener, ...] = ()
    stop: threading.Event = field(default_factory=threading.Event)
    run: int | None = None
    step: str | None = None
    plan: Plan | None = None
    redactor: Redactor = field(default_factory=Redactor)
    disk_full: bool = False

    def tell(
        self,
        kind: str,
        text: str,
        *,
        machine: str | None = None,
        data: Mapping[str, Any] | None = None,
        at: float | None = None,
        mark: str = "",
    ) -> None:
        """Keep an event and pass it to whoever watches; on a full disk, pass it on all the same.

        What has a `mark` that is kept already was told before, and is not told again.
        """
        if mark and self.journal.has(mark):
            return
        text = self.redactor.text(text)  # what machines say may hold anything
        data = {key: self.redactor.value(value) for key, value in (data or {}).items()}
        try:
            event = self.journal.add_event(
                kind,
                text,
                run=self.run,
                step=self.step,
                machine=machine,
                data=data,
                at=at,
                mark=mark or None,
            )
        except StoreFullError as error:
            when = self.clock.utc() if at is None else at
            event = Event(0, when, kind, text, self.step, machine, dict(data or {}))
            self._tell_full(error, when)
        else:
            self.disk_full = False
        for listener in self.listeners:
            listener(event)

    def _tell_full(self, error: StoreFullError, when: float) -> None:
        if self.disk_full:
            return
        self.disk_full = True
        for listener in self.listeners:
            listener(Event(0, when, "finding", f"{error.what}: {error.fix}", self.step))

    def raise_if_stopped(self) -> None:
        """Raise StopRequestedError once the operator has asked to stop."""
        if self.stop.is_set():
            raise StopRequestedError("stopped as asked", fix=advice.continue_run())
