"""The product under rehearsal: `provision run`, as the operator starts it, in its namespace."""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

EventDict = dict[str, Any]


class ApplianceProcess:
    """One `provision run`. Its JSON events come out of `events`; None marks its end."""

    def __init__(self, site: Path, state: Path, interface: str, prefix: Sequence[str]) -> None:
        self._words = [
            *("setpriv", "--pdeathsig", "KILL"),
            *prefix,
            *(sys.executable, "-m", "appliance.cli", "run", str(site)),
            *("--interface", interface, "--state", str(state), "--json", "--yes"),
        ]
        self.events: queue.SimpleQueue[EventDict | None] = queue.SimpleQueue()
        self._errors = state.parent / "appliance.log"
        self._process: subprocess.Popen[str] | None = None
        self._keeper = threading.Thread(target=self._keep, name="appliance", daemon=True)
        self._started = threading.Event()

    def start(self) -> None:
        """Start it."""
        self._keeper.start()
        self._started.wait()

    def _keep(self) -> None:
        # The death signal follows the thread that forked (prctl(2)): this one stays till the end.
        with self._errors.open("ab") as errors:
            try:
                self._process = subprocess.Popen(
                    self._words,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                )
            finally:
                self._started.set()
            with self._process:
                for line in self._process.stdout or ():
                    self.events.put(_parsed(line))
        self.events.put(None)

    @property
    def code(self) -> int | None:
        """Its exit code, or None while it runs."""
        return None if self._process is None else self._process.poll()

    def kill(self) -> None:
        """Kill it with -9, as a pulled plug would; its children go with it."""
        self._signal(signal.SIGKILL)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self._signal(signal.SIGINT)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def wait(self, seconds: float) -> int | None:
        """Wait for its end; give its exit code, or None if it still runs."""
        self._keeper.join(seconds)
        return self.code


def _parsed(line: str) -> EventDict:
    try:
        parsed = json.loads(line)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"kind": "log", "text": line.rstrip()}
