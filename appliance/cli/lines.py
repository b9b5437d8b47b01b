"""What is printed of a run where no terminal is: plain lines, or JSON lines for a program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import IO

from appliance.store.journal import Event
from appliance.tools import words

_QUIET = frozenset({"dhcp", "tftp", "http", "dns", "ntp", "syslog", "hook", "progress"})


class JsonPrinter:
    """Prints one event a line as JSON, each at once. A reader that leaves does not end the run."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out

    def feed(self, event: Event) -> None:
        """Print one event."""
        with suppress(BrokenPipeError):
            self._out.write(f"{json.dumps(event.as_dict())}\n")
            self._out.flush()


class LinePrinter:
    """Prints what matters as plain lines: for logs, pipes and `ssh` without a terminal."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._decided: dict[str, str] = {}
        self._report = ""

    def feed(self, event: Event) -> None:
        """Print one event, unless it only repeats or is noise of the boot services."""
        line = self._line(event)
        if line:
            with suppress(BrokenPipeError):
                self._out.write(f"{words.clock(event.at)} {line}\n")
                self._out.flush()

    def _line(self, event: Event) -> str:
        if event.kind in _QUIET:
            return ""
        text = words.printable(" ".join(event.text.split()))
        if event.kind == "decision":
            who = event.machine or str(event.data.get("mac", "?"))
            decided = f"{event.data.get('action', '')} {event.data.get('reason', '')}"
            if self._decided.get(who) == decided:
                return ""
            self._decided[who] = decided
        evidence = event.data.get("evidence")
        if isinstance(evidence, Mapping):
            self._report = str(evidence.get("report", self._report))
        if event.kind == "step-failed":  # the error is printed whole at the end
            text = words.printable(str(event.data.get("what", text)))
        elif event.kind == "run-ended" and self._report:
            text = f"{text}; its report: {self._report}"
        named = event.machine is None or event.machine in text
        who = "" if named else f"{event.machine}: "
        step = f"{event.step} " if event.kind.startswith("step-") and event.step else ""
        return f"{event.kind:<12} {step}{who}{text}"
