"""What ansible-runner tells, as values of our own. Pure: a raw event in, a frozen one out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from appliance.tools.redact import Redactor
from appliance.tools.words import printable

MESSAGE_LENGTH = 600


class Outcome(StrEnum):
    """What became of a task on a host. `STARTED` is told once for all hosts, with host ""."""

    STARTED = "started"
    OK = "ok"
    CHANGED = "changed"
    SKIPPED = "skipped"
    RETRY = "retry"
    IGNORED = "failed, which is ignored"
    FAILED = "failed"
    UNREACHABLE = "unreachable"

    @property
    def is_failure(self) -> bool:
        """Whether the host is out."""
        return self in {Outcome.FAILED, Outcome.UNREACHABLE}


@dataclass(frozen=True, slots=True)
class AnsibleEvent:
    """One task on one host. `message` says why it failed or what it waits for, without secrets."""

    host: str
    task: str
    outcome: Outcome
    seconds: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class HostCounts:
    """How many tasks ended how on one host."""

    ok: int = 0
    changed: int = 0
    failed: int = 0
    unreachable: int = 0
    skipped: int = 0


_KINDS = {
    "runner_on_ok": Outcome.OK,
    "runner_on_failed": Outcome.FAILED,
    "runner_on_unreachable": Outcome.UNREACHABLE,
    "runner_on_skipped": Outcome.SKIPPED,
    "runner_retry": Outcome.RETRY,
    "playbook_on_task_start": Outcome.STARTED,
}


def read_event(raw: Mapping[str, Any], redactor: Redactor) -> AnsibleEvent | None:
    """Give the event, or None for what is no task's (output, plays, single items of a loop)."""
    outcome = _KINDS.get(str(raw.get("event")))
    if outcome is None:
        return None
    data = _mapping(raw.get("event_data"))
    result = _mapping(data.get("res"))
    if outcome is Outcome.OK and result.get("changed"):
        outcome = Outcome.CHANGED
    if outcome is Outcome.FAILED and data.get("ignore_errors"):
        outcome = Outcome.IGNORED
    said = outcome.is_failure or outcome in {Outcome.RETRY, Outcome.IGNORED}
    return AnsibleEvent(
        host="" if outcome is Outcome.STARTED else str(data.get("host", "")),
        task=str(data.get("task") or data.get("name") or ""),
        outcome=outcome,
        seconds=float(data.get("duration") or 0.0),
        message=message(result, redactor) if said else "",
    )


def read_stats(raw: Mapping[str, Any]) -> dict[str, HostCounts]:
    """Give each host's counts from the event that ends a playbook."""
    data = _mapping(raw.get("event_data"))
    columns = {
        "ok": "ok",
        "changed": "changed",
        "failed": "failures",
        "unreachable": "dark",
        "skipped": "skipped",
    }
    tables = {ours: _mapping(data.get(theirs)) for ours, theirs in columns.items()}
    hosts = sorted({host for table in tables.values() for host in table})
    return {
        host: HostCounts(**{name: int(table.get(host, 0)) for name, table in tables.items()})
        for host in hosts
    }


def message(result: Mapping[str, Any], redactor: Redactor) -> str:
    """Say in one line why a task failed: the failed item of a loop, else the task's own words."""
    if "censored" in result:
        return "what it said is hidden, because it may hold secrets"
    failed = [each for each in _mappings(result.get("results")) if each.get("failed")]
    if failed:
        return message(failed[0], redactor)
    said = _first_text(result, ("msg", "stderr", "stdout", "module_stderr", "module_stdout"))
    parts = [part.strip() for part in said.splitlines() if part.strip()]
    if parts and parts[0].startswith("Traceback"):
        parts = parts[-1:]  # the log has the rest
    line = printable(" / ".join(parts))
    line = redactor.text(line)
    return line if len(line) <= MESSAGE_LENGTH else f"{line[:MESSAGE_LENGTH]} …"


_EMPTY_WORDS = ("non-zero return code", "MODULE FAILURE", "One or more items failed")


def _first_text(result: Mapping[str, Any], names: Iterable[str]) -> str:
    """Give the first text that says something; a command's `msg` says only that it failed."""
    texts = [str(result[name]).strip() for name in names if result.get(name)]
    telling = [text for text in texts if not text.startswith(_EMPTY_WORDS)]
    return (telling or texts or ["it did not say why"])[0]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []
