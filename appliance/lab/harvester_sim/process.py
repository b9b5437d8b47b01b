"""The stand-in as the rehearsal's child: started, asked, killed, started again."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from appliance.errors import MachineError
from appliance.lab.harvester_sim.sim import CONTROL_SOCKET, DEFAULT_HARVESTER

Json = dict[str, Any]

PORT = 6080
_START_S = 60.0
_ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class SimPlace:
    """Where the stand-in runs. `prefix` enters the switch's namespace (`network.exec_prefix`).

    `address` is the switch's own address, at which the installed node's relay finds it; `vip` the
    hypervisor's. Its objects, images, volumes and machines are under `folder`, beside its log.
    """

    folder: Path
    address: str
    vip: str
    prefix: Sequence[str] = ()
    bridge: str = "br0"
    harvester: str = DEFAULT_HARVESTER
    port: int = PORT
    options: tuple[str, ...] = ()
    """Further words of the command line, such as `--fault`, `checksum=debian`."""

    @property
    def relay(self) -> str:
        """The installed node's `host_values["relay"]`."""
        return f"http://{self.address}:{self.port}"

    def words(self) -> list[str]:
        """Give the command line."""
        words = [sys.executable, "-m", "appliance.lab.harvester_sim", "--state", str(self.folder)]
        words += ["--listen", f"{self.address}:{self.port}", "--harvester", self.harvester]
        words += ["--bridge", self.bridge] if self.bridge else []
        words += ["--vip", self.vip] if self.vip else []
        return [*words, *self.options]


class SimProcess:
    """One stand-in process at a time; dies with us. A context manager: ended at the end."""

    def __init__(self, place: SimPlace) -> None:
        self.place = place
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: threading.Thread | None = None

    @property
    def log(self) -> Path:
        """What the process itself said."""
        return self.place.folder / "harvester-sim.log"

    @property
    def is_on(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it and wait until it answers. Does nothing when it runs. Raises MachineError."""
        if self._process is not None and self._process.poll() is None:
            return
        self.place.folder.mkdir(parents=True, exist_ok=True)
        started = threading.Event()
        # The kernel sends the death signal when the *thread* that forked ends (prctl(2)).
        self._keeper = threading.Thread(target=self._keep, args=(started,), daemon=True)
        self._keeper.start()
        started.wait()
        until = time.monotonic() + _START_S
        while time.monotonic() < until and self.is_on:
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.status()
                return
            time.sleep(0.1)
        self.kill()
        raise MachineError(
            "the stand-in of Harvester's API did not start",
            where=str(self.log),
            why=" / ".join(self.log.read_text(errors="replace").splitlines()[-3:]),
            fix="look at that file",
        )

    def _keep(self, started: threading.Event) -> None:
        words = ["setpriv", "--pdeathsig", "KILL", *self.place.prefix, *self.place.words()]
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    words, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
        finally:
            started.set()
        self._process.wait()

    def kill(self) -> None:
        """Cut the hypervisor's power: the stand-in ends at once, and all machines with it."""
        if self._process is not None:
            self._process.kill()
        if self._keeper is not None:
            self._keeper.join()

    def power_cycle(self) -> None:
        """Cut the power and press the button: machines that are wanted start from their disks."""
        self.kill()
        self.start()

    def stop(self) -> None:
        """End it in order. Its machines are off afterwards."""
        if self._process is None or self._keeper is None:
            return
        self._process.terminate()
        self._keeper.join(_ANSWER_S)
        self.kill()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- its own door

    def status(self) -> Json:
        """Give what runs: machines with status and addresses, nodes, faults in force."""
        return self._ask("GET", "/lab/status")

    def add_fault(self, text: str) -> None:
        """Put a fault in force, such as `unavailable=30`. Raises MachineError."""
        self._ask("POST", "/lab/faults", add=text)

    def clear_faults(self) -> None:
        """Take every fault back."""
        self._ask("DELETE", "/lab/faults")

    def kill_machine(self, name: str, *, namespace: str = "default", hold: bool = False) -> bool:
        """Cut one virtual machine's power; tell whether it was on. `hold`: until `release`."""
        asked = {"name": name, "namespace": namespace, "hold": "true" if hold else "false"}
        return bool(self._ask("POST", "/lab/kill", **asked)["killed"])

    def release(self) -> None:
        """Let all machines that are held off start again."""
        self._ask("POST", "/lab/release")

    def console(self, name: str, *, namespace: str = "default") -> str:
        """Give what a virtual machine's serial line said, of all its starts; empty: none yet."""
        path = self.place.folder / "machines" / f"{namespace}.{name}" / "console.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def _ask(self, method: str, path: str, **query: str) -> Json:
        connection = _UnixConnection(self.place.folder / CONTROL_SOCKET)
        with contextlib.closing(connection):
            connection.request(method, f"{path}?{urlencode(query)}" if query else path)
            answer = connection.getresponse()
            said: Json = json.loads(answer.read() or b"{}")
            if answer.status >= http.client.BAD_REQUEST:
                why = str(said.get("message") or said.get("what") or said)
                raise MachineError(f"the stand-in of Harvester's API refused {path}", why=why)
            return said


class _UnixConnection(http.client.HTTPConnection):
    """HTTP to a Unix socket, whose path may be as long as it is."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=_ANSWER_S)
        self._path = path

    def connect(self) -> None:
        folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(self.timeout)
            self.sock.connect(f"/proc/self/fd/{folder}/{self._path.name}")
        finally:
            os.close(folder)
