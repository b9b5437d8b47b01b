"""BMCs for the tests, on loopback: sushy-tools' emulator, a line with faults, recorded trees."""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import re
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import zip_longest
from pathlib import Path
from typing import Any

import bcrypt

from tests.harvester_server import identity

HOST = "127.0.0.1"
RECORDED = Path(__file__).parent / "unit" / "power" / "recorded"

_EMULATOR = """
import random
random.randint = lambda _low, _high: 1  # a switch takes a second, not eleven
SUSHY_EMULATOR_FAKE_DRIVER = True
SUSHY_EMULATOR_LISTEN_IP = {host!r}
SUSHY_EMULATOR_LISTEN_PORT = 0
SUSHY_EMULATOR_STATE_DIR = {state!r}
SUSHY_EMULATOR_FAKE_SYSTEMS = {systems!r}
"""


def system_of(number: int) -> str:
    """Give the UUID that the emulator's system of this number has, counted from 1."""
    return f"00000000-0000-4000-8000-{number:012}"


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running emulator: where it listens, and what its systems are called."""

    url: str
    systems: tuple[str, ...]


@contextmanager
def emulating(
    folder: Path,
    names: tuple[str, ...],
    *,
    tls: tuple[Path, Path] | None = None,
    login: tuple[str, str] | None = None,
    prefix: tuple[str, ...] = (),
    macs: tuple[str, ...] = (),
) -> Iterator[Emulator]:
    """Run sushy-tools' emulator with its fake driver: one system of each name, switched off.

    `tls` is certificate and key, `login` user and password, `prefix` what is put before the
    command, `macs` are the systems' cards.
    """
    systems = [
        {
            "uuid": system_of(number),
            "name": name,
            "power_state": "Off",
            "external_notifier": False,
            "nics": [{"mac": mac or f"52:54:00:00:00:{number:02x}", "ip": "192.0.2.1"}],
        }
        for number, (name, mac) in enumerate(zip_longest(names, macs), start=1)
    ]
    (folder / "state").mkdir(parents=True)
    config = _EMULATOR.format(host=HOST, state=str(folder / "state"), systems=systems)
    if tls:
        config += f"SUSHY_EMULATOR_SSL_CERT = {str(tls[0])!r}\n"
        config += f"SUSHY_EMULATOR_SSL_KEY = {str(tls[1])!r}\n"
    if login:
        hashed = bcrypt.hashpw(login[1].encode(), bcrypt.gensalt(4)).decode()
        (folder / "users").write_text(f"{login[0]}:{hashed}\n")
        config += f"SUSHY_EMULATOR_AUTH_FILE = {str(folder / 'users')!r}\n"
    (folder / "emulator.py").write_text(config)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *prefix,
                *(sys.executable, "-m", "sushy_tools.emulator.main", "--fake"),
                *("--config", str(folder / "emulator.py")),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            yield Emulator(_listening(folder / "log", process), names)
        finally:
            process.kill()
            process.wait()


def _listening(log: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait for the address that the emulator logs."""
    for _ in range(600):
        found = re.search(r"Running on (https?://\S+:\d+)", log.read_text(errors="replace"))
        if found:
            return found.group(1)
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise AssertionError(f"the emulator did not start: {log.read_text(errors='replace')}")


def certificate(folder: Path) -> tuple[Path, Path, str]:
    """Write a certificate that a BMC signed for itself, and its key; gives its fingerprint too."""
    made = identity("bmc")
    paths = (folder / "bmc.pem", folder / "bmc.key")
    paths[0].write_text(made.pem)
    paths[1].write_text(made.key_pem)
    return (*paths, made.fingerprint)


# ---------------------------------------------------------------- a BMC of our own


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests with this method and this in their path.

    `kind`: `status` (with `status`, and `body`), `silence` (no answer), `reset` (the line is cut
    before anything is done), `lost` (it is done, and the answer is lost), `ignored` (accepted, and
    nothing is done), `garbage` (200 and no JSON), `drip` (an answer that never ends).
    """

    kind: str
    method: str = ""
    path: str = ""
    times: int = 1
    status: int = 0
    body: dict[str, Any] = field(default_factory=dict)

    def takes(self, method: str, path: str) -> bool:
        """Whether it is for this request; counts it."""
        if self.times <= 0 or self.method not in {"", method} or self.path not in path:
            return False
        self.times -= 1
        return True


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    body: dict[str, Any]
    headers: dict[str, str]


class Bmc:
    """Answers like a BMC: from a tree of documents, or by asking an emulator behind it."""

    def __init__(self, tree: dict[str, Any] | None = None, *, behind: str = "") -> None:
        self.tree = copy.deepcopy(tree) if tree else {}
        self.behind = behind
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.login: tuple[str, str] | None = None
        self.sessions: dict[str, str] = {}
        self.ended: list[str] = []
        self.needs_etag = False
        self.refuses: tuple[str, ...] = ()
        """Properties of `Boot` that may not be written."""
        self.boot_elsewhere = ""
        """The only path where `Boot` may be written."""
        self.delay = 0.0
        """Seconds before each answer."""
        self.released = threading.Event()

    @classmethod
    def recorded(cls, vendor: str) -> Bmc:
        """Give a BMC in the shape of a vendor's: see recorded/README.md."""
        return cls(json.loads((RECORDED / vendor / "tree.json").read_text()))

    def commands(self) -> list[str]:
        """Give the kinds of reset that were sent, in order."""
        return [str(each.body["ResetType"]) for each in self.asked if "ResetType" in each.body]

    def boots(self) -> list[dict[str, Any]]:
        """Give what was written to `Boot`, in order."""
        return [each.body["Boot"] for each in self.asked if each.method == "PATCH"]

    # -------------------------------------------------------- answers

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        """Give status, headers and document for a request."""
        path = asked.path.rstrip("/").lower()
        if self.behind:
            return self._ask_behind(asked)
        if asked.method == "POST" and path.endswith("/sessions"):
            return self._log_in(asked)
        if not self._may(asked, path):
            return 401, {}, error("Base.1.0.NoValidSession", "Session token is not valid")
        if asked.method == "DELETE":
            self.ended.append(path)
            return 204, {}, None
        if asked.method == "POST":
            return self._reset(asked)
        found = self._find(path)
        if found is None:
            return 404, {}, error("Base.1.0.ResourceMissingAtURI", "not found")
        if asked.method == "PATCH":
            return self._write(asked, found)
        return 200, {"ETag": etag(found)}, found

    def _find(self, path: str) -> Any:
        for known, document in self.tree.items():
            if known.rstrip("/").lower() == path:
                return document
        return None

    def _may(self, asked: Asked, path: str) -> bool:
        if self.login is None or path in {"/redfish/v1", "/redfish"}:
            return True
        if asked.headers.get("x-auth-token") in self.sessions:
            return True
        return asked.headers.get("authorization", "").startswith("Basic ") and (
            _basic(asked.headers["authorization"]) == self.login
        )

    def _log_in(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        if (asked.body.get("UserName"), asked.body.get("Password")) != self.login:
            return 401, {}, error("Base.1.0.InsufficientPrivilege", "invalid credentials")
        token = f"token-{len(self.sessions)}"
        place = f"/redfish/v1/SessionService/Sessions/{len(self.sessions)}"
        self.sessions[token] = place
        # Several BMCs name the session by a whole URL, of a name that only they know.
        headers = {"X-Auth-Token": token, "Location": f"https://bmc.invalid{place}"}
        return 201, headers, {"@odata.id": place}

    def _write(self, asked: Asked, found: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        if self.needs_etag and asked.headers.get("if-match") != etag(found):
            return 412, {}, error("Base.1.0.PreconditionFailed", "the ETag did not match")
        wanted = asked.body.get("Boot", {})
        if self.boot_elsewhere and asked.path.rstrip("/") != self.boot_elsewhere:
            return 400, {}, error("Ami.1.0.OperationSupportedInFutureStateURI", "elsewhere")
        for key in self.refuses:
            if key in wanted:
                return 400, {}, error("Base.1.0.PropertyNotWritable", f"{key} is read only")
        found.setdefault("Boot", {}).update(wanted)
        return 200, {}, {}

    def _reset(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        path = asked.path.split("/Actions/")[0].rstrip("/").lower()
        found = self._find(path)
        if found is None:
            return 404, {}, error("Base.1.0.ResourceMissingAtURI", "not found")
        wanted = {"On": "On", "ForceOn": "On", "ForceOff": "Off"}
        kind = str(asked.body.get("ResetType"))
        if wanted.get(kind) == found.get("PowerState"):
            return 409, {}, error("IDRAC.2.1.PSU501", "the server is already so")
        found["PowerState"] = wanted.get(kind, found.get("PowerState"))
        return 204, {}, None

    def _ask_behind(self, asked: Asked) -> tuple[int, dict[str, str], Any]:
        line = HTTPConnection(self.behind.removeprefix("http://"), timeout=30)
        try:
            body = json.dumps(asked.body).encode() if asked.body else None
            line.request(asked.method, asked.path, body, {"Content-Type": "application/json"})
            answer = line.getresponse()
            text = answer.read()
            headers = {"ETag": answer.headers["ETag"]} if answer.headers.get("ETag") else {}
            return answer.status, headers, json.loads(text) if text else None
        finally:
            line.close()


def error(code: str, message: str) -> dict[str, Any]:
    """Give an error as DSP0266 9.3 has it."""
    return {"error": {"code": code, "message": message, "@Message.ExtendedInfo": []}}


def etag(document: dict[str, Any]) -> str:
    """Give a weak ETag, as iLO does."""
    found = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:8]
    return f'W/"{found}"'


def _basic(header: str) -> tuple[str, str]:
    user, _, password = base64.b64decode(header.removeprefix("Basic ")).decode().partition(":")
    return user, password


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bmc: Bmc

    def do_GET(self) -> None:
        """Answer."""
        length = int(self.headers.get("Content-Length") or 0)
        sent = json.loads(self.rfile.read(length)) if length else {}
        headers = {key.lower(): value for key, value in self.headers.items()}
        asked = Asked(self.command, self.path, sent, headers)
        self.bmc.asked.append(asked)
        fault = next((f for f in self.bmc.faults if f.takes(asked.method, asked.path)), None)
        self.close_connection = True
        self.bmc.released.wait(self.bmc.delay)
        match fault.kind if fault else "":
            case "reset":
                return
            case "silence":
                self.bmc.released.wait(20)
            case "lost":
                self.bmc.answer(asked)
            case "ignored":
                self._send(204, {}, b"")
            case "garbage":
                self._send(200, {}, b"<html>starting")
            case "drip":
                self._drip()
            case "status":
                assert fault
                self._send(fault.status, {}, json.dumps(fault.body).encode())
            case _:
                status, extra, document = self.bmc.answer(asked)
                body = b"" if document is None else json.dumps(document).encode()
                self._send(status, extra, body)

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        with suppress(OSError):
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

    def _drip(self) -> None:
        with suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Length", str(1 << 30))
            self.end_headers()
            while not self.bmc.released.wait(0.05):
                self.wfile.write(b" ")
                self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
        """Say nothing: the test has its own record."""


@contextmanager
def serving(
    bmc: Bmc, *, tls: tuple[Path, Path] | None = None, old: Path | None = None
) -> Iterator[str]:
    """Serve on a free port of loopback; gives the URL.

    `old`: a file of Diffie-Hellman parameters, and no other key exchange.
    """
    handler = type("Handler", (_Handler,), {"bmc": bmc})
    server = ThreadingHTTPServer((HOST, 0), handler)
    server.daemon_threads = True
    scheme = "http"
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if old is not None:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            context.set_ciphers("DHE:@SECLEVEL=0")
            context.load_dh_params(str(old))
        context.load_cert_chain(tls[0], tls[1])
        server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "https"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"{scheme}://{HOST}:{server.server_address[1]}"
    finally:
        bmc.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
