"""The roll keeps proofs on disk, once and in order."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from appliance.errors import StoreFullError
from appliance.flow.roll import Roll, record_as_json, record_from_json
from appliance.machines.state import Record, Seen, State
from tests.unit.flow.support import context_in


@pytest.fixture
def told() -> list[tuple[str, Any]]:
    """What was told: machine and new state."""
    return []


def _roll(context: Any, told: list[tuple[str, Any]]) -> Roll:
    def tell(
        kind: str, text: str, *, machine: str | None = None, data: dict[str, Any] | None = None
    ) -> None:
        del text
        told.append((kind, (machine, (data or {}).get("state"))))

    return Roll(context.proven, tell, lambda: 7.0)


def test_records_survive_json() -> None:
    """A record read back is the record."""
    record = Record(State.IMAGE, 1, image_sent=True, last_seen=Seen.IMAGE_SENT, last_at=3.0)
    assert record_from_json(record_as_json(record)) == record


def test_what_a_newer_version_wrote_is_left_out() -> None:
    """An unknown field does not stop an older version from reading."""
    kept = {**record_as_json(Record()), "of_the_future": 1}
    assert record_from_json(kept) == Record()


def test_an_installation_is_proven_once(tmp_path: Path, told: list[tuple[str, Any]]) -> None:
    """Installed, rebooted and ready are one installation; the states are told in order."""
    with context_in(tmp_path) as context:
        roll = _roll(context, told)
        for state in (State.STARTED, State.INSTALLED, State.REBOOTED, State.READY, State.READY):
            roll.record("hv1", Record(state))
        proven = context.proven.get("hv1")
    assert (proven.installs, proven.installed, proven.ready) == (1, 7.0, 7.0)
    assert [state for _, (_, state) in told] == ["started", "installed", "rebooted", "ready"]


def test_a_proof_stays_when_boot_forgets(tmp_path: Path, told: list[tuple[str, Any]]) -> None:
    """A lost boot.db (records begin anew) never arms an installed machine again."""
    with context_in(tmp_path) as context:
        roll = _roll(context, told)
        roll.record("hv1", Record(State.INSTALLED))
        roll.record("hv1", Record(State.EXPECTED))
        assert roll.installed() == frozenset({"hv1"})


def test_a_stale_record_of_an_ordered_machine_proves_nothing(
    tmp_path: Path, told: list[tuple[str, Any]]
) -> None:
    """The record that carries the order itself is no proof of an installation."""
    ordered = replace(Record(State.EXPECTED), last_seen=Seen.REINSTALL_ORDERED)
    with context_in(tmp_path) as context:
        roll = _roll(context, told)
        roll.record("hv1", ordered)
        assert context.proven.get("hv1").installed is None


def test_a_full_disk_keeps_proofs_in_memory_until_there_is_room(
    tmp_path: Path, told: list[tuple[str, Any]]
) -> None:
    """What is proven counts at once, and is on disk when there is room again."""
    with context_in(tmp_path) as context:
        roll = _roll(context, told)
        kept = context.proven.put
        full = StoreFullError("full")

        def no_room(_proven: Any) -> None:
            raise full

        context.proven.put = no_room  # type: ignore[method-assign,assignment]
        roll.record("hv1", Record(State.INSTALLED))
        assert roll.installed() == frozenset({"hv1"})
        with pytest.raises(StoreFullError):
            roll.write()
        context.proven.put = kept  # type: ignore[method-assign]
        roll.write()
        assert context.proven.get("hv1").installed == 7.0
