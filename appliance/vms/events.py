"""One line of `terraform plan|apply -json` to a `TfEvent`. Pure.

The stream is a versioned interface (Terraform's "Machine-Readable UI"; OpenTofu's is the same):
its first message is of type `version` with `ui` "1.x"; what is not known in it is left alone, and
another major is refused. What is no JSON is kept as text: providers and the Go runtime write
there too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from appliance.errors import StepError
from appliance.vms.words import resource_words

UI_MAJOR = "1"


class Kind(StrEnum):
    """The types of messages that mean something here; `OTHER` is any other, `TEXT` no JSON."""

    VERSION = "version"
    LOG = "log"
    DIAGNOSTIC = "diagnostic"
    RESOURCE_DRIFT = "resource_drift"
    PLANNED_CHANGE = "planned_change"
    CHANGE_SUMMARY = "change_summary"
    OUTPUTS = "outputs"
    REFRESH_START = "refresh_start"
    REFRESH_COMPLETE = "refresh_complete"
    APPLY_START = "apply_start"
    APPLY_PROGRESS = "apply_progress"
    APPLY_COMPLETE = "apply_complete"
    APPLY_ERRORED = "apply_errored"
    STATE_LOCK_ACQUIRE = "state_lock_acquire"
    STATE_LOCK_RELEASE = "state_lock_release"
    OTHER = "other"
    TEXT = "text"


_KINDS = {kind.value: kind for kind in Kind if kind not in {Kind.OTHER, Kind.TEXT}}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many things are made, altered, removed and taken over."""

    add: int = 0
    change: int = 0
    remove: int = 0
    adopt: int = 0

    def __str__(self) -> str:
        adopted = f", {self.adopt} to take over" if self.adopt else ""
        return f"{self.add} to make, {self.change} to alter, {self.remove} to remove{adopted}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """What Terraform or the provider complains of. `address` is "" where no resource is meant."""

    severity: str
    summary: str
    detail: str = ""
    address: str = ""
    file: str = ""
    line: int = 0

    @property
    def is_error(self) -> bool:
        """Whether it is an error, not a warning."""
        return self.severity == "error"


@dataclass(frozen=True, slots=True)
class TfEvent:
    """One message. `text` is Terraform's own; `at` its time of day as written, "" where it is none.

    `address` is the resource's, "" where the message is about none; `what` names it in words, such
    as "virtual machine srv1". `action` is Terraform's word (create, update, delete, …) and
    `seconds` how long it has gone on. Texts may hold anything that machines say:
    whoever keeps them redacts them.
    """

    kind: Kind
    text: str
    level: str = "info"
    at: str = ""
    address: str = ""
    what: str = ""
    action: str = ""
    seconds: int | None = None
    object_id: str = ""
    counts: Counts | None = None
    diagnostic: Diagnostic | None = None
    version: str = ""


def parse(line: str) -> TfEvent:
    """Read one line, without or with its line end.

    Raises StepError for a stream of an unknown major; nothing else, whatever the line is.
    """
    message = _object(line)
    if message is None:
        return TfEvent(Kind.TEXT, line.rstrip("\r\n"))
    kind = _KINDS.get(_text(message, "type"), Kind.OTHER)
    resource = _resource(message)
    hook = _mapping(message, "hook")
    return TfEvent(
        kind=kind,
        text=_text(message, "@message").strip(),
        level=_text(message, "@level") or "info",
        at=_text(message, "@timestamp"),
        address=_text(resource, "addr"),
        what=_words(resource),
        action=_text(hook, "action") or _text(_mapping(message, "change"), "action"),
        seconds=_number(hook, "elapsed_seconds"),
        object_id=_text(hook, "id_value"),
        counts=_counts(message) if kind is Kind.CHANGE_SUMMARY else None,
        diagnostic=_diagnostic(message) if kind is Kind.DIAGNOSTIC else None,
        version=_version(message) if kind is Kind.VERSION else "",
    )


def _object(line: str) -> Mapping[str, Any] | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and "@message" in message else None


def _version(message: Mapping[str, Any]) -> str:
    """Give the program's version; refuse a stream that this was not written for."""
    interface = _text(message, "ui")
    version = _text(message, "terraform") or _text(message, "tofu")
    if interface.partition(".")[0] != UI_MAJOR:
        raise StepError(
            f"Terraform speaks version {interface or 'unknown'} of its event stream",
            where=f"Terraform {version}".rstrip(),
            why=f"only {UI_MAJOR}.x is known here",
            fix="put a Terraform 1.x or OpenTofu 1.x into the depot",
        )
    return version


def _resource(message: Mapping[str, Any]) -> Mapping[str, Any]:
    for outer in ("hook", "change"):
        resource = _mapping(_mapping(message, outer), "resource")
        if resource:
            return resource
    return {}


def _words(resource: Mapping[str, Any]) -> str:
    if not resource:
        return ""
    return resource_words(
        _text(resource, "resource_type"),
        resource.get("resource_key"),
        _text(resource, "resource_name"),
        _text(resource, "module"),
    )


def _counts(message: Mapping[str, Any]) -> Counts:
    said = _mapping(message, "changes")
    add, change, remove, adopt = (
        _number(said, key) or 0 for key in ("add", "change", "remove", "import")
    )
    return Counts(add, change, remove, adopt)


def _diagnostic(message: Mapping[str, Any]) -> Diagnostic:
    said = _mapping(message, "diagnostic")
    place = _mapping(said, "range")
    return Diagnostic(
        severity=_text(said, "severity") or _text(message, "@level"),
        summary=_text(said, "summary") or _text(message, "@message"),
        detail=_text(said, "detail"),
        address=_text(said, "address"),
        file=_text(place, "filename"),
        line=_number(_mapping(place, "start"), "line") or 0,
    )


def _mapping(message: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = message.get(key)
    return found if isinstance(found, dict) else {}


def _text(message: Mapping[str, Any], key: str) -> str:
    found = message.get(key)
    return found if isinstance(found, str) else ""


def _number(message: Mapping[str, Any], key: str) -> int | None:
    found = message.get(key)
    return int(found) if isinstance(found, int | float) and math.isfinite(found) else None
