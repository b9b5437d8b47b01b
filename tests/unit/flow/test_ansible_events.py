"""What Ansible changed or failed at is told; what was so already is not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from appliance.flow.ansible_events import tell_task
from appliance.tools.ansible_events import AnsibleEvent, Outcome


class _Heard:
    def __init__(self) -> None:
        self.texts: list[tuple[str, str, str | None]] = []

    def __call__(
        self,
        kind: str,
        text: str,
        *,
        machine: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Note what is said."""
        assert data is not None
        self.texts.append((kind, text, machine))


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.SKIPPED, Outcome.STARTED])
def test_what_changed_nothing_is_left_out(outcome: Outcome) -> None:
    """A second run is quiet."""
    heard = _Heard()
    tell_task(AnsibleEvent("server1", "Write it", outcome, 1.0), heard)
    assert heard.texts == []


def test_a_failure_is_told_with_its_reason() -> None:
    """And on which machine."""
    heard = _Heard()
    tell_task(AnsibleEvent("agent1", "Join", Outcome.FAILED, 1.0, "no default route"), heard)
    assert heard.texts == [("ansible", "agent1: Join: failed: no default route", "agent1")]


def test_an_event_of_no_host_names_no_machine() -> None:
    """Ansible itself is none."""
    heard = _Heard()
    tell_task(AnsibleEvent("", "Look", Outcome.CHANGED, 1.0), heard)
    assert heard.texts[0][2] is None
