"""What ansible-runner tells, as values. The raw events are as ansible-core 2.19 gives them."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.tools.ansible_events import (
    MESSAGE_LENGTH,
    AnsibleEvent,
    HostCounts,
    Outcome,
    message,
    read_event,
    read_stats,
)
from appliance.tools.redact import Redactor
from appliance.values import Secret

REDACTOR = Redactor([Secret("sesame-open")])


def raw(event: str, res: dict[str, Any] | None = None, **data: Any) -> dict[str, Any]:
    """Give an event."""
    told = {"host": "server1", "task": "Say", "duration": 0.5, "res": res or {}, **data}
    return {"event": event, "event_data": told}


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (raw("runner_on_ok"), Outcome.OK),
        (raw("runner_on_ok", {"changed": True}), Outcome.CHANGED),
        (raw("runner_on_skipped"), Outcome.SKIPPED),
        (raw("runner_on_failed"), Outcome.FAILED),
        (raw("runner_on_failed", ignore_errors=True), Outcome.IGNORED),
        (raw("runner_on_unreachable"), Outcome.UNREACHABLE),
        (raw("runner_retry"), Outcome.RETRY),
    ],
)
def test_what_became_of_a_task(event: dict[str, Any], outcome: Outcome) -> None:
    """Every way in which it can end."""
    read = read_event(event, REDACTOR)

    assert read is not None
    assert (read.host, read.task, read.outcome, read.seconds) == ("server1", "Say", outcome, 0.5)
    assert outcome.is_failure == (outcome in {Outcome.FAILED, Outcome.UNREACHABLE})


def test_a_task_that_starts_is_told_for_all_hosts() -> None:
    """It names none."""
    event = {"event": "playbook_on_task_start", "event_data": {"task": "Say", "name": "Say"}}

    assert read_event(event, REDACTOR) == AnsibleEvent("", "Say", Outcome.STARTED, 0.0)


@pytest.mark.parametrize("event", ["verbose", "playbook_on_start", "runner_item_on_ok", "", None])
def test_what_is_no_tasks_event(event: str | None) -> None:
    """It is left out."""
    assert read_event({"event": event}, REDACTOR) is None


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ({"msg": "no such file"}, "no such file"),
        ({"msg": "non-zero return code", "stderr": "boom\n", "stdout": "hi"}, "boom"),
        ({"msg": "non-zero return code", "stdout": "first\n\n second"}, "first / second"),
        ({"msg": "the key is sesame-open"}, "the key is ******"),
        ({"msg": "\x1b[31mred"}, "·[31mred"),
        ({"censored": "the output has been hidden"}, "hidden"),
        ({"msg": "Traceback (most recent call last):\n  File\nOSError: gone"}, "OSError: gone"),
        ({}, "did not say"),
        (
            {
                "msg": "One or more items failed",
                "results": [{"msg": "fine"}, {"failed": True, "msg": "the second item"}],
            },
            "the second item",
        ),
    ],
)
def test_why_it_failed(result: dict[str, Any], said: str) -> None:
    """One line, without secrets and without what would move a terminal's cursor."""
    assert said in message(result, REDACTOR)
    assert "sesame" not in message(result, REDACTOR)


def test_a_long_message_is_cut() -> None:
    """A traceback does not fill the screen; the log has all of it."""
    assert len(message({"msg": "x" * 5000}, REDACTOR)) == MESSAGE_LENGTH + 2


def test_the_counts_of_a_run() -> None:
    """Ansible's own words for them are others."""
    stats = {
        "event": "playbook_on_stats",
        "event_data": {
            "ok": {"a": 3, "b": 1},
            "changed": {"a": 2},
            "failures": {"b": 1},
            "dark": {"c": 1},
            "skipped": {"a": 4},
        },
    }

    assert read_stats(stats) == {
        "a": HostCounts(ok=3, changed=2, skipped=4),
        "b": HostCounts(ok=1, failed=1),
        "c": HostCounts(unreachable=1),
    }
