"""How a boot process is started: as systemd's unit where the laptop has it, else as our child."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from appliance.boot.privileges import boot_account, own_folder
from appliance.boot.unit import unit_of

_PASSED_ENVIRONMENT = ("PATH", "LANG", "PYTHONPATH")


class Process(Protocol):
    """What is asked of a boot process, in subprocess.Popen's words."""

    pid: int

    @property
    def returncode(self) -> int | None:
        """How it ended, or None; minus the signal that killed it."""

    def poll(self) -> int | None:
        """Say how it ended, or None while it runs."""

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(frozen=True, slots=True)
class Launched:
    """A boot process that runs: main's end of its channel, and what it writes to stderr."""

    process: Process
    control: socket.socket
    stderr: IO[bytes]


def launch(sockets: Mapping[str, socket.socket], state_dir: Path) -> Launched:
    """Start the boot process with these open sockets. `state_dir` becomes its own.

    Raises StepError if systemd does not start the unit: what is to be sandboxed never runs without.
    """
    own_folder(state_dir, boot_account())
    unit = unit_of(state_dir)
    named = {name: sock.fileno() for name, sock in sockets.items()}
    read, write = os.pipe()
    stderr = os.fdopen(read, "rb")
    try:
        if unit is None:
            process, control = _as_child(named, state_dir, write)
        else:
            process, control = unit.start(named, state_dir, write)
    except BaseException:
        stderr.close()
        raise
    finally:
        os.close(write)
    return Launched(process, control, stderr)


def _as_child(
    named: Mapping[str, int], state_dir: Path, last_words: int
) -> tuple[Process, socket.socket]:
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(  # noqa: TID251 - serves for hours; no secret in its arguments
            [
                sys.executable,
                "-P",
                "-m",
                "appliance.boot.child",
                str(state_dir),
                str(theirs.fileno()),
                *(f"{name}={fd}" for name, fd in named.items()),
            ],
            pass_fds=(theirs.fileno(), *named.values()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=last_words,
            cwd="/",
            env={name: os.environ[name] for name in _PASSED_ENVIRONMENT if name in os.environ},
        )
    return process, ours
