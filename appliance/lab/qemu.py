"""A QEMU process of the lab: started, watched over, asked, ended.

Every QEMU process is our child, dies with us (even by kill -9) and has a time limit of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from appliance.errors import MachineError

DEFAULT_LIMIT_S = 3600.0
# x86-64-v2 and nothing above: emulation copies memory byte by byte for a processor that claims
# ERMS, walks five page table levels for LA57, and takes its time over AVX, all of which `max` has.
CPU = "Nehalem"
# The default is up to 1 GiB, which is never flushed: QEMU 7.2 then drops stale translations of a
# page one by one from an ever longer list (1.6 million were seen, and stalls of half a minute).
TRANSLATED_MIB = 256


@dataclass(frozen=True, slots=True)
class QemuPaths:
    """Where one machine keeps its things, all in its own folder."""

    folder: Path

    @property
    def variables(self) -> Path:
        """The UEFI variables: kept, so a reboot or power cycle finds them."""
        return self.folder / "variables.fd"

    @property
    def console(self) -> Path:
        """Everything the serial line said, of all starts."""
        return self.folder / "console.log"

    @property
    def errors(self) -> Path:
        """What QEMU itself complained about."""
        return self.folder / "qemu.log"

    @property
    def qmp(self) -> Path:
        """The control socket."""
        return self.folder / "qmp.sock"


def common_arguments(
    name: str, paths: QemuPaths, *, cpus: int, memory_mib: int, smm: bool
) -> list[str]:
    """Give the first words of QEMU's command line, the same for every machine of the lab.

    The control socket is relative to the folder QEMU runs in, because a socket path has 107
    characters at most.
    """
    return [
        "qemu-system-x86_64",
        *("-name", f"{name},process={name}"),
        # KVM is not asked for: where /dev/kvm exists it may still hang OVMF (measured).
        *("-accel", f"tcg,thread=multi,tb-size={TRANSLATED_MIB}", "-cpu", CPU),
        *("-machine", f"q35,smm={'on' if smm else 'off'},vmport=off"),
        *("-smp", str(cpus), "-m", str(memory_mib)),
        *("-nodefaults", "-no-user-config", "-display", "none", "-vga", "std"),
        *("-rtc", "base=utc,clock=host"),
        *(
            "-chardev",
            f"file,id=console,path={paths.console},append=on",
            "-serial",
            "chardev:console",
        ),
        *("-qmp", f"unix:{paths.qmp.name},server=on,wait=off"),
        *("-object", "rng-random,id=random,filename=/dev/urandom"),
        *("-device", "virtio-rng-pci,rng=random"),
    ]


class QemuProcess(ABC):
    """One machine: power on, off, and what its console says.

    Its folder keeps its things between starts. `prefix` runs QEMU in another place, for instance
    where the taps are (`network.exec_prefix`). A machine still on `limit_s` after a start is
    killed.
    """

    def __init__(
        self,
        name: str,
        paths: QemuPaths,
        *,
        prefix: Sequence[str] = (),
        limit_s: float = DEFAULT_LIMIT_S,
    ) -> None:
        self.name = name
        self._files = paths
        self._prefix = tuple(prefix)
        self._limit_s = limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None
        self.timed_out = False

    @abstractmethod
    def _words(self) -> list[str]:
        """Give QEMU's command line."""

    @abstractmethod
    def _furnish(self) -> None:
        """Make what the command line names and is not there."""

    def start(self) -> None:
        """Press the power button. Does nothing when on. Raises MachineError."""
        if self.is_on:
            return
        self._files.folder.mkdir(parents=True, exist_ok=True)
        self._furnish()
        self._files.console.touch()
        self._files.qmp.unlink(missing_ok=True)
        self.timed_out = False
        started = threading.Event()
        # The kernel sends the death signal when the *thread* that forked ends (prctl(2)), so the
        # thread that starts QEMU is the one that waits for its end.
        self._keeper = threading.Thread(
            target=self._keep, args=(started,), name=f"machine {self.name}", daemon=True
        )
        self._keeper.start()
        started.wait()
        self._await_control()

    def _keep(self, started: threading.Event) -> None:
        words = ["setpriv", "--pdeathsig", "KILL", *self._prefix]
        words += self._words()
        try:
            with self._files.errors.open("ab") as errors:
                self._process = subprocess.Popen(
                    words,
                    cwd=self._files.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=errors,
                    stderr=errors,
                )
        finally:
            started.set()
        try:
            self._process.wait(self._limit_s)
        except subprocess.TimeoutExpired:
            self.timed_out = True
            self._process.kill()
            self._process.wait()

    def _await_control(self) -> None:
        until = time.monotonic() + 20
        while time.monotonic() < until:
            if not self.is_on:
                break
            with contextlib.suppress(OSError):
                self.ask("query-status")
                return
            time.sleep(0.05)
        said = self._files.errors.read_text(errors="replace").strip().splitlines()[-3:]
        self.power_off()
        raise MachineError(
            f"machine {self.name} did not start",
            where=str(self._files.errors),
            why=" / ".join(said),
            fix="look at that file",
        )

    @property
    def is_on(self) -> bool:
        """Whether the machine runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How the last start ended: 0 the guest's own power-off, below 0 a signal; None: not."""
        return None if self._process is None else self._process.poll()

    @property
    def pid(self) -> int:
        """QEMU's process id. Raises MachineError when the machine was never started."""
        if self._process is None:
            raise MachineError(f"machine {self.name} was never started")
        return self._process.pid

    def power_off(self) -> None:
        """Cut the power: the disk keeps what had reached it. Does nothing when off."""
        if self._process is not None:
            self._process.kill()
        self.wait()

    def power_cycle(self) -> None:
        """Cut the power, and press the button again."""
        self.power_off()
        self.start()

    def reset(self) -> None:
        """Press the reset button."""
        self.ask("system_reset")

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the machine is off; give False when `timeout_s` passed first."""
        if self._keeper is None:
            return True
        self._keeper.join(timeout_s)
        return not self._keeper.is_alive()

    # --- what it shows

    def console(self) -> str:
        """Give everything the serial line said so far, of all starts."""
        return self._files.console.read_text(encoding="utf-8", errors="replace")

    def wait_for(self, marker: str, timeout_s: float, *, after: int = 0) -> bool:
        """Wait until the console shows `marker` behind position `after`; False when it did not.

        Also gives False at once when the machine goes off without having shown it.
        """
        until = time.monotonic() + timeout_s
        while True:
            on = self.is_on
            if marker in self.console()[after:]:
                return True
            if not on or time.monotonic() >= until:
                return False
            time.sleep(0.2)

    def screenshot(self, path: Path) -> Path:
        """Write what the screen shows as PNG. Raises MachineError."""
        self.ask("screendump", filename=str(path.absolute()), format="png")
        return path

    # --- QMP

    def ask(self, command: str, **arguments: Any) -> Any:
        """Send one QMP command and give what it returns. Raises MachineError, OSError when off."""
        folder = os.open(self._files.folder, os.O_PATH | os.O_DIRECTORY)
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
                sock.settimeout(10)
                sock.connect(f"/proc/self/fd/{folder}/{self._files.qmp.name}")
                return self._converse(sock, command, arguments)
        finally:
            os.close(folder)

    def _converse(self, sock: socket.socket, command: str, arguments: dict[str, Any]) -> Any:
        with sock.makefile("rw", encoding="utf-8") as stream:
            stream.readline()  # the greeting
            answer: dict[str, Any] = {}
            for word, given in (("qmp_capabilities", {}), (command, arguments)):
                stream.write(json.dumps({"execute": word, "arguments": given}) + "\n")
                stream.flush()
                answer = {}
                while "return" not in answer and "error" not in answer:  # events come between
                    line = stream.readline()
                    if not line:
                        raise ConnectionError("QEMU closed its control socket")
                    answer = json.loads(line)
        if "error" in answer:
            raise MachineError(f"machine {self.name} refused {command}", why=str(answer["error"]))
        return answer["return"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.power_off()
