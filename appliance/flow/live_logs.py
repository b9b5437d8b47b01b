"""When a watchdog fires: the live system's log is fetched by SSH, through the secret filter."""

from __future__ import annotations

import threading
from contextlib import suppress

from appliance.errors import BridgeheadError
from appliance.flow.context import Context
from appliance.flow.secrets import site_secrets
from appliance.machines.live_log import fetch_log
from appliance.site.plan import MachinePlan, Plan


class LiveLogs:
    """Fetches in the background, so that no watch is held up, into the reports folder."""

    def __init__(self, context: Context, plan: Plan) -> None:
        self._context = context
        self._plan = plan
        self._threads: list[threading.Thread] = []

    def fetch(self, machine: MachinePlan) -> None:
        """Fetch one machine's log and keep it with the reports."""
        secrets = self._context.vault.all()
        site = site_secrets(self._context.vault)
        path = self._context.site_paths.reports / f"{machine.name}-live.log"

        def work() -> None:
            try:
                log = fetch_log(
                    machine.address, password=site.password, key=site.ssh_key, secrets=secrets
                )
            except BridgeheadError:
                return  # the overdue event stands; a machine without SSH has no log to give
            with suppress(OSError):  # a full disk is told by the watch itself
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                path.write_text(log.text)

        thread = threading.Thread(target=work, name=f"log-{machine.name}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def stop(self) -> None:
        """Wait shortly for what is under way."""
        for thread in self._threads:
            thread.join(timeout=10)
