"""What the program says: upstream's log lines on standard error, and word to systemd."""

from __future__ import annotations

import os
import socket
import sys
import threading
from datetime import UTC, datetime


class FatalError(Exception):
    """The program cannot go on; its text is the last log line."""


class Log:
    """Writes lines such as `time="..." level=info msg="..."`, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def info(self, text: str) -> None:
        """Tell what happens."""
        self._line("info", text)

    def warning(self, text: str) -> None:
        """Tell what may be wrong."""
        self._line("warning", text)

    def error(self, text: str) -> None:
        """Tell what went wrong and is tried again."""
        self._line("error", text)

    def fatal(self, text: str) -> None:
        """Tell why the program ends."""
        self._line("fatal", text)

    def _line(self, level: str, text: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        said = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        with self._lock:
            sys.stderr.write(f'time="{now}" level={level} msg="{said}"\n')
            sys.stderr.flush()


def notify(state: str) -> None:
    """Send `READY=1` and the like to systemd (sd_notify(3)); nothing where it did not start us."""
    name = os.environ.get("NOTIFY_SOCKET", "")
    if not name:
        return
    address = f"\0{name[1:]}" if name.startswith("@") else name
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
        link.connect(address)
        link.sendall(state.encode())
