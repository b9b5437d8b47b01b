"""Members of a stand-in cluster: processes here, each on a loopback address of its own.

They run the program as the build packs it, under the system's Python as in the lab's machines.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from appliance.lab.rke2 import build

VERSION = "v1.36.3+rke2r1"
PACE = {"beat": 0.5, "grace": 6.0, "peer_beat": 0.5, "peer_grace": 6.0, "retry": 0.3}
"""Quick, and with room for a busy computer: renewed twice a second, given up after six seconds."""

ROUTES = (
    "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
    "lo\t00000000\t0100007F\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
)


@dataclass(slots=True)
class Member:
    """One member: its folders, its settings, its process."""

    folder: Path
    files: Path
    program: str
    command: str
    name: str
    address: str
    settings: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None

    @property
    def etc(self) -> Path:
        """What stands for /etc."""
        return self.folder / "etc"

    @property
    def data(self) -> Path:
        """What stands for /var/lib/rancher/rke2."""
        return self.folder / "data"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.etc / "rancher" / self.program / f"{self.program}.yaml"

    @property
    def log(self) -> str:
        """All it said so far."""
        path = self.folder / "log"
        return path.read_text() if path.exists() else ""

    def prepare(self, images: tuple[str, ...]) -> None:
        """Make folders, a default route, and copy these archives of images."""
        (self.etc / "rancher" / self.program).mkdir(parents=True)
        (self.folder / "proc" / "net").mkdir(parents=True)
        (self.folder / "proc" / "net" / "route").write_text(ROUTES)
        (self.folder / "proc" / "sys" / "kernel" / "random").mkdir(parents=True)
        self.reboot()
        target = self.data / "agent" / "images"
        target.mkdir(parents=True)
        for name in images:
            (target / name).write_bytes((self.files / name).read_bytes())

    def reboot(self) -> None:
        """Give the machine a new boot id, as a power cycle does."""
        (self.folder / "proc/sys/kernel/random/boot_id").write_text(f"{secrets.token_hex(8)}\n")

    def start(self) -> None:
        """Start it with its settings."""
        config = self.etc / "rancher" / self.program / "config.yaml"
        config.write_text(json.dumps(self.settings))
        around = {"etc": str(self.etc), "proc": str(self.folder / "proc"), "pace": PACE}
        environment = {**os.environ, "STANDIN_SURROUNDINGS": json.dumps(around)}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.files / "bin" / self.program, self.command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """End it at once, as pulling the plug does."""
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(120)
            self.process = None

    def until(self, said: str, limit: float = 90.0) -> None:
        """Wait until it said this."""
        why = f"{self.name} never said {said!r}"
        wait_for(lambda: said in self.log, lambda: f"{why}:\n{self.log}", limit)

    def ended(self, limit: float = 60.0) -> int:
        """Wait until it ended by itself; give its exit code."""
        assert self.process is not None
        code = self.process.wait(limit)
        self.process = None
        return code

    def up(self) -> None:
        """Wait until it is up and running, counted from its last start."""
        self.until("is up and running")

    def forget_log(self) -> None:
        """Begin a new log."""
        (self.folder / "log").unlink(missing_ok=True)


@dataclass(slots=True)
class Site:
    """Members that can reach one another."""

    folder: Path
    files: Path
    program: str
    images: tuple[str, ...]
    network: str = field(default_factory=lambda: f"127.{_number()}.{_number()}")
    members: list[Member] = field(default_factory=list)

    def member(self, command: str, name: str, **settings: Any) -> Member:
        """Prepare a member; settings are written with - in place of _."""
        number = len(self.members) + 1
        address = f"{self.network}.{number}"
        folder = self.folder / f"{number}-{name}"
        given = {
            "node-name": name,
            "node-ip": address,
            "bind-address": address,
            "data-dir": str(folder / "data"),
            **{key.replace("_", "-"): value for key, value in settings.items()},
        }
        made = Member(folder, self.files, self.program, command, name, address, given)
        made.prepare(self.images)
        self.members.append(made)
        return made

    def url(self, member: Member) -> str:
        """Where others join at a member."""
        port = 9345 if self.program == "rke2" else 6443
        return f"https://{member.address}:{port}"

    def end(self) -> None:
        """End every member."""
        for each in self.members:
            each.kill()


@contextmanager
def site(folder: Path, version: str = VERSION) -> Iterator[Site]:
    """Build and unpack a version; end all members afterwards."""
    built = build(folder / "cache", version)
    files = folder / "files"
    (files / "bin").mkdir(parents=True)
    program = "k3s" if "+k3s" in version else "rke2"
    images: tuple[str, ...] = ()
    for path in built.iterdir():
        if path.name.endswith(".tar.zst"):
            (files / path.name).write_bytes(path.read_bytes())
            images += (path.name,)
    if program == "rke2":
        with tarfile.open(built / "rke2.linux-amd64.tar.gz") as archive:
            archive.extractall(files)
    else:
        (files / "bin" / "k3s").write_bytes((built / "k3s").read_bytes())
        (files / "bin" / "k3s").chmod(0o755)
    made = Site(folder, files, program, tuple(sorted(images)))
    try:
        yield made
    finally:
        made.end()


def _number() -> int:
    return secrets.randbelow(200) + 20


def wait_for(done: Callable[[], object], why: Callable[[], str], limit: float = 90.0) -> None:
    """Wait until something is so; fail with `why` if it never is."""
    ends = time.monotonic() + limit
    while not done():
        assert time.monotonic() < ends, why()
        time.sleep(0.1)


def readiness(document: Mapping[str, Any]) -> dict[str, str]:
    """Read a list of nodes: each name's Ready condition."""
    return {
        item["metadata"]["name"]: next(
            c["status"] for c in item["status"]["conditions"] if c["type"] == "Ready"
        )
        for item in document["items"]
    }
