"""What cloud-init says of itself and of what went wrong, read into one value. Pure.

Its docs ("Status", "Reported errors") promise the formats; 22.4 and 24.1 were read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Boot(Enum):
    """How far cloud-init is."""

    NOT_RUN = "not run"
    RUNNING = "running"
    DONE = "done"
    ERROR = "error"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class BootStatus:
    """What cloud-init says of itself. `stage` is what it is at, `errors` its own words."""

    boot: Boot
    stage: str = ""
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether waiting longer changes nothing."""
        return self.boot in {Boot.DONE, Boot.ERROR, Boot.DISABLED}


def parse_status(text: str) -> BootStatus:
    """Read `status.json`, or what `cloud-init status` prints with `--format json` or `--long`.

    Raises ValueError for anything else.
    """
    text = text.strip()
    if text.startswith("{"):
        read = json.loads(text)
        if isinstance(read, dict):
            return _stages(read["v1"]) if isinstance(read.get("v1"), dict) else _printed(read)
    if text.startswith(("status:", ".")):
        return _printed(_long(text))
    raise ValueError(f"this is no status of cloud-init: {text[:80]!r}")


def _stages(read: Mapping[str, Any]) -> BootStatus:
    """Judge `status.json`: a stage is `{errors, recoverable_errors, start, finished}`."""
    stages = {name: each for name, each in read.items() if isinstance(each, Mapping)}
    errors = tuple(str(error) for each in stages.values() for error in each.get("errors") or ())
    warnings = tuple(
        warning
        for each in stages.values()
        for warning in _recoverable(each.get("recoverable_errors"))
    )
    stage = str(read.get("stage") or "")
    if errors:
        return BootStatus(Boot.ERROR, stage, errors, warnings)
    if stages.get("modules-final", {}).get("finished"):
        return BootStatus(Boot.DONE, "", (), warnings)
    started = any(each.get("start") for each in stages.values())
    return BootStatus(Boot.RUNNING if started else Boot.NOT_RUN, stage, (), warnings)


def _printed(read: Mapping[str, Any]) -> BootStatus:
    """Judge what `cloud-init status` prints: its status, errors and, from 23.4 on, warnings."""
    said = str(read.get("status", "")).removeprefix("degraded ")
    boot = next((each for each in Boot if each.value == said), None)
    if boot is None:
        raise ValueError(f"cloud-init's status {said!r} is not known")
    errors = tuple(str(each) for each in read.get("errors") or ())
    detail = str(read.get("detail") or "")
    if boot is Boot.ERROR and not errors and detail:
        errors = (detail,)
    stage = str(read.get("stage") or "")
    if boot is Boot.RUNNING and not stage:
        stage = detail.removeprefix("Running in stage: ")
    return BootStatus(boot, stage, errors, tuple(_recoverable(read.get("recoverable_errors"))))


def _recoverable(said: object) -> Iterator[str]:
    """From 23.4 on: `{"WARNING": ["…"]}`."""
    if isinstance(said, Mapping):
        for each in said.values():
            yield from (str(warning) for warning in each or ())


def _long(text: str) -> dict[str, Any]:
    """Read `key: value` lines; a value may go on below its key, and errors are a list there."""
    read: dict[str, Any] = {}
    key = ""
    for line in text.lstrip(".\n").splitlines():
        name, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[a-z_]+", name):
            key = name
            read[key] = value.strip()
        elif key == "errors":
            read[key] = [*(read[key] or ()), line.strip().removeprefix("- ")]
        elif key:
            read[key] = f"{read[key]}\n{line}".strip()
    if isinstance(read.get("errors"), str):
        read["errors"] = () if read["errors"] in {"", "[]"} else (read["errors"],)
    return read


# 2026-11-21 13:33:33,041 - util.py[WARNING]: Failed to run module scripts-user (…)
_COMPLAINT = re.compile(r".*?\[(?:WARNING|ERROR|CRITICAL)\]: (?P<words>.*)")
# Said after every failed script: the words before them say why it failed.
_EMPTY_WORDS = re.compile(
    r"Failed to run module|Running module .* failed|Runparts: |Failed to shellify|^\s*$"
)
_OWN_LINE = re.compile(
    r"Cloud-init v\. |ci-info: |\d{4}-\d\d-\d\d [\d:,]+ - \S+\[|Traceback \(most recent"
)


def last_words(log: str, output: str) -> str:
    """Give the line that says most of what went wrong, of both logs; empty where none does.

    A script's own last words stand in the output before cloud-init's complaint; a module's
    exception is the complaint itself.
    """
    complaints = [found["words"] for line in log.splitlines() if (found := _COMPLAINT.match(line))]
    lines = output.splitlines()
    failed = [number for number, line in enumerate(lines) if _COMPLAINT.match(line)]
    if failed and any("Runparts" in each or "scripts" in each for each in complaints):
        said = [line for line in lines[: failed[0]] if line.strip() and not _OWN_LINE.match(line)]
        if said:
            return said[-1].strip()
    telling = [each for each in complaints if not _EMPTY_WORDS.search(each)]
    return (telling or complaints or [""])[-1].strip()
