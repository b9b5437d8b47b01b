"""`provision web` as a process of its own on loopback, in a folder of its own."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path

from playwright.sync_api import BrowserContext

from appliance.boot.control import Reported
from appliance.discover.report import Report, encode
from appliance.flow.looking import Look, look_at
from appliance.flow.reports import take_report
from appliance.paths import Paths
from appliance.values import Mac

PASSWORD = "four plain words here"
PROVISION = Path(sys.executable).with_name("provision")
_LIMIT = 60.0


def wait_for(done: Callable[[], object], seconds: float = _LIMIT) -> None:
    """Wait till something is so; a guard against a hang."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come so far"
        time.sleep(0.05)


@dataclass(slots=True)
class Wizard:
    """A wizard whose browser comes later. `site`: the text of its site file, empty for none."""

    folder: Path
    site: str = ""
    port: int = 0
    _process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        if self.site:
            self.file.write_text(self.site)
        self.start()

    @property
    def file(self) -> Path:
        """Its site file."""
        return self.folder / "site.yaml"

    @property
    def paths(self) -> Paths:
        """Its state folder."""
        return Paths(self.folder / "state")

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def code(self) -> str:
        """The one-time code that it printed."""
        found = re.findall(r"one-time code: +(\S+)", self._said())
        return str(found[-1])

    def start(self) -> None:
        """Start it, at the same port as before if it has run."""
        listen = f"127.0.0.1:{self.port}"
        words = ["web", str(self.file), "--listen", listen, "--state", str(self.paths.root)]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [PROVISION, *words],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, "TZ": "UTC"},
            )
        wait_for(lambda: "Ctrl-C" in self._said() or self._process.poll() is not None)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self._said())
        assert found, self._said()
        self.port = int(found[1])

    def end(self) -> int:
        """Stop it as Ctrl-C does; give its exit code, -9 if it had to be killed."""
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
        return self._process.wait()

    def sign_in(self, context: BrowserContext) -> None:
        """Sign a browser in, with the first password if there is none yet."""
        said = {"password": PASSWORD}
        known = context.request.get(f"{self.url}/api/session").json()["password_is_set"]
        path = "/api/session" if known else "/api/password/first"
        answer = context.request.post(
            self.url + path, data=said if known else {**said, "code": self.code}
        )
        assert answer.ok, answer.text()

    def look(self) -> Look:
        """Look at its site."""
        return look_at(self.file, self.paths)

    def hear(self, report: Report, mac: Mac) -> None:
        """Take a machine's report, as a run does."""
        with self.look().writing() as context:
            text = encode(report).decode()
            take_report(context, Reported(mac, IPv4Address("10.20.0.200"), None, text))

    def reviewed(self) -> None:
        """Somebody has confirmed the review of the site file as it is."""
        folder = self.paths.site(self.look().plan.site_id).folder
        folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256(self.file.read_bytes()).hexdigest()
        (folder / "web-confirmed").write_text(digest)

    @property
    def _log(self) -> Path:
        return self.folder / "wizard.log"

    def _said(self) -> str:
        return self._log.read_text(errors="replace")
