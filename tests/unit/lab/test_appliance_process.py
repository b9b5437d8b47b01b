"""The product is started as the operator starts it, and can be killed."""

from __future__ import annotations

from pathlib import Path

from appliance.lab.appliance_process import ApplianceProcess, EventDict


def _all_events(process: ApplianceProcess) -> list[EventDict]:
    events = []
    while (event := process.events.get(timeout=60)) is not None:
        events.append(event)
    return events


def test_a_refusal_comes_as_an_event_and_a_code(tmp_path: Path) -> None:
    """A site file that is not there ends with 2 and says so in one JSON line."""
    process = ApplianceProcess(tmp_path / "none.yaml", tmp_path / "state", "lo", [])
    process.start()
    (event,) = _all_events(process)
    assert event["kind"] == "error"
    assert "none.yaml" in event["where"] + event["what"]
    assert process.wait(10) == 2


def test_it_can_be_killed(tmp_path: Path) -> None:
    """After kill -9 its end is seen, and its code tells."""
    process = ApplianceProcess(
        tmp_path / "site.yaml", tmp_path / "state", "lo", ["sh", "-c", "sleep 60", "-"]
    )
    process.start()
    assert process.code is None
    process.kill()
    assert process.wait(10) == -9
