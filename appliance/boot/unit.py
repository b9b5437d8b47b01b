"""The boot process as a sandboxed unit of systemd, which comes to main for its sockets.

A child of main can give its rights away, but not its view of the disk: systemd can take that, too.
`playbooks/bridge.yml` installs the unit. Main listens on a socket that only root and the boot
account can reach, starts the unit, and passes it the sockets once it is sure who came.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Protocol

from appliance import advice
from appliance.boot.passing import pass_on
from appliance.boot.privileges import Account, boot_account
from appliance.errors import StepError
from appliance.paths import DEFAULT_STATE
from appliance.tools.process import run

PREFIX = Path("/opt/bridgehead")
UNIT_FILE = Path("/etc/systemd/system/bridgehead-boot@.service")
MEETING = Path("/run/bridgehead/boot")
_BOOTED = Path("/run/systemd/system")  # sd_booted(3)
_SECONDS = 30.0
_PAUSE = 0.5
_REAPED_SECONDS = 2.0
_KILLED = ("2", "3")  # CLD_KILLED, CLD_DUMPED
_LONGEST = 107  # sun_path, unix(7)


class Systemd(Protocol):
    """What is asked of systemd."""

    def restart(self, unit: str) -> str:
        """Start a unit, afresh if it runs; give what systemd says against it, else ""."""

    def show(self, unit: str) -> Mapping[str, str]:
        """Give MainPID, ExecMainCode and ExecMainStatus."""

    def forget(self, unit: str) -> None:
        """Let go of a unit that failed."""


class Systemctl:
    """Systemd by its command."""

    def restart(self, unit: str) -> str:
        """As promised above."""
        done = run(["systemctl", "restart", "--no-ask-password", "--", unit], seconds=_SECONDS)
        return "" if done.ok else done.err.strip() or f"systemctl ended with {done.code}"

    def show(self, unit: str) -> Mapping[str, str]:
        """As promised above."""
        wanted = "--property=MainPID,ExecMainCode,ExecMainStatus"
        lines = run(["systemctl", "show", wanted, "--", unit]).out.splitlines()
        return {name: value for name, _, value in (line.partition("=") for line in lines)}

    def forget(self, unit: str) -> None:
        """As promised above."""
        run(["systemctl", "reset-failed", "--", unit])


def unit_of(state_dir: Path) -> BootUnit | None:
    """Give the unit for a site's boot folder, or None where it cannot serve.

    It is written for the installed appliance, the laptop's own state folder and its own network:
    not for a clone, for another `--state`, or for the namespace of a rehearsal.
    """
    site = state_dir.parent.name
    fits = (
        os.geteuid() == 0
        and Path(sys.prefix) == PREFIX
        and state_dir == DEFAULT_STATE / site / state_dir.name
        and _BOOTED.is_dir()
        and UNIT_FILE.exists()
        and Path("/proc/self/ns/net").readlink() == Path("/proc/1/ns/net").readlink()
    )
    unit = BootUnit(site, Systemctl(), boot_account())
    return unit if fits and len(str(unit.meeting)) <= _LONGEST else None


class UnitProcess:
    """The main process of a unit, watched by a descriptor of its own: its number is never mixed up.

    Speaks as subprocess.Popen does.
    """

    def __init__(self, pid: int, unit: str, systemd: Systemd) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._unit = unit
        self._systemd = systemd
        self._lock = Lock()
        self._handle = os.pidfd_open(pid)

    def poll(self) -> int | None:
        """Say how it ended, or None while it runs."""
        return self.returncode if self._ended(0) else None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end. Raises subprocess.TimeoutExpired."""
        if not self._ended(timeout) or self.returncode is None:
            raise subprocess.TimeoutExpired(self._unit, timeout or 0)
        return self.returncode

    def kill(self) -> None:
        """End it at once."""
        with self._lock:
            if self.returncode is None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def _ended(self, timeout: float | None) -> bool:
        if self.returncode is None and not self._gone(timeout):
            return False
        with self._lock:
            if self.returncode is None:
                self.returncode = self._how()
                os.close(self._handle)
                self._systemd.forget(self._unit)
        return True

    def _gone(self, timeout: float | None) -> bool:
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(None if timeout is None else timeout * 1000))

    def _how(self) -> int:
        """Ask systemd, which may see the end a moment later than we do."""
        end = time.monotonic() + _REAPED_SECONDS
        while (shown := self._systemd.show(self._unit)).get("MainPID") == str(self.pid):
            if time.monotonic() > end:
                return 0
            time.sleep(0.02)
        status = int(shown.get("ExecMainStatus") or 0)
        return -status if shown.get("ExecMainCode") in _KILLED else status


@dataclass(frozen=True, slots=True)
class BootUnit:
    """The unit of one site."""

    site: str
    systemd: Systemd
    account: Account
    folder: Path = field(default=MEETING)

    @property
    def name(self) -> str:
        """Give the unit's name."""
        return f"bridgehead-boot@{self.site}.service"

    @property
    def meeting(self) -> Path:
        """Give the socket that its process comes to."""
        return self.folder / f"{self.site}.sock"

    def start(
        self, sockets: Mapping[str, int], state_dir: Path, last_words: int
    ) -> tuple[UnitProcess, socket.socket]:
        """Start it and pass the sockets on; give its process and main's end of the channel.

        Raises StepError if systemd does not start it, or its process does not come.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # Whatever root's umask: the boot account must come through.
        self.folder.parent.chmod(self.folder.parent.stat().st_mode | 0o011)
        self.folder.chmod(0o711)
        self.meeting.unlink(missing_ok=True)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
                self._listen(listening)
                refused = self.systemd.restart(self.name)
                if refused:
                    raise self._not_started(refused)
                pid, connection = self._meet(listening)
        finally:
            self.meeting.unlink(missing_ok=True)
        try:
            process = UnitProcess(pid, self.name, self.systemd)
            pass_on(connection, state_dir, sockets, last_words)
        except OSError as error:
            connection.close()
            raise self._not_started(f"it is gone again: {error}") from error
        return process, connection

    def _listen(self, listening: socket.socket) -> None:
        listening.bind(str(self.meeting))
        # Nobody is let in before `listen`, so that these come in time.
        if os.geteuid() == 0:
            os.chown(self.meeting, self.account.uid, self.account.gid)
        self.meeting.chmod(0o600)
        listening.listen(1)
        listening.settimeout(_PAUSE)

    def _meet(self, listening: socket.socket) -> tuple[int, socket.socket]:
        """Wait for the unit's own main process; whoever else comes is sent away."""
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            main_pid = int(self.systemd.show(self.name).get("MainPID") or 0)
            if not main_pid:
                raise self._not_started("it ended before it came for its sockets")
            try:
                connection, _ = listening.accept()
            except TimeoutError:
                continue
            pid, uid = _who(connection)
            if pid == main_pid and uid == self.account.uid:
                connection.settimeout(None)
                return pid, connection
            connection.close()
        raise self._not_started(f"it did not come for its sockets within {_SECONDS:g} s")

    def _not_started(self, why: str) -> StepError:
        self.systemd.forget(self.name)
        return StepError(
            "the boot services did not start",
            where=self.name,
            why=why,
            fix=f"see 'journalctl -u {self.name}'; {advice.install()} puts the unit right",
        )


def _who(connection: socket.socket) -> tuple[int, int]:
    packed = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", packed)
    return pid, uid
