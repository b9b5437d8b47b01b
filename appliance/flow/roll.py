"""The roll of machines in main: what boot's records and main's own proofs say of each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, Protocol

from appliance.errors import StoreFullError
from appliance.machines.state import Record, Seen, State
from appliance.store.machines import Proven, ProvenMachines


class Tell(Protocol):
    """How the flow tells of something (`Context.tell`)."""

    def __call__(
        self,
        kind: str,
        text: str,
        *,
        machine: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> None:
        """Keep one event."""


class Roll:
    """Keeps each machine's last record, and on disk what is proven of it."""

    def __init__(self, proven: ProvenMachines, tell: Tell, now: Callable[[], float]) -> None:
        self._proven = proven
        self._tell = tell
        self._now = now
        self._records: dict[str, Record] = {}
        self._unwritten: dict[str, Proven] = {}

    def write(self) -> None:
        """Write what a full disk kept in memory. Raises StoreFullError while there is no room."""
        for proven in tuple(self._unwritten.values()):
            self._proven.put(proven)
            del self._unwritten[proven.name]

    def of(self, name: str) -> Record:
        """Give the last record of a machine."""
        if name not in self._records:
            kept = self._get(name).record
            self._records[name] = record_from_json(dict(kept)) if kept else Record()
        return self._records[name]

    def installed(self) -> frozenset[str]:
        """Name the machines whose installation is proven."""
        kept = {each.name: each for each in self._proven.all()} | self._unwritten
        return frozenset(name for name, each in kept.items() if each.installed is not None)

    def is_ready(self, name: str) -> bool:
        """Say whether the machine was proven ready."""
        return self._get(name).ready is not None

    def record(self, name: str, record: Record) -> None:
        """Take boot's newest record; a proof is on disk before it is told."""
        before = self.of(name)
        self._records[name] = record
        self._keep(name, record)
        if record.state is not before.state:
            self._tell(
                "state",
                f"{name} is {record.state}",
                machine=name,
                data={"state": record.state.value, "was": before.state.value},
            )

    def _keep(self, name: str, record: Record) -> None:
        proven = self._get(name)
        now = self._now()
        ordered_anew = record.last_seen is Seen.REINSTALL_ORDERED
        newly = record.installed and proven.installed is None and not ordered_anew
        self._unwritten[name] = replace(
            proven,
            record=record_as_json(record),
            installed=now if newly else proven.installed,
            installs=proven.installs + 1 if newly else proven.installs,
            ready=now if record.state is State.READY and proven.ready is None else proven.ready,
        )
        with suppress(StoreFullError):  # it is told with the next event, and tried again each turn
            self.write()

    def _get(self, name: str) -> Proven:
        return self._unwritten.get(name) or self._proven.get(name)


def record_as_json(record: Record) -> dict[str, Any]:
    """Give a record as JSON-ready values."""
    return asdict(record)


def record_from_json(kept: dict[str, Any]) -> Record:
    """Read a record back; what is unknown (a newer version's) is left out."""
    known = {key: kept[key] for key in Record.__dataclass_fields__ if key in kept}
    known["state"] = State(known.get("state", State.EXPECTED))
    seen = known.get("last_seen")
    known["last_seen"] = Seen(seen) if seen else None
    return Record(**known)
