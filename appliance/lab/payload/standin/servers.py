"""The HTTPS servers of an installed node: 443 (the API's door), 6443 and 9345 (RKE2's)."""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
import select
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

_CHUNK = 65536
LAB_ONLY = "/lab/"
"""What the lab's API stand-in tells its nodes alone, never the world before the VIP."""
_KUBERNETES = ("api", "apis", "version", "healthz", "livez", "readyz", "openapi")


class Members:
    """The nodes that joined, kept in a file so that a reboot forgets nobody."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def add(self, name: str, address: str) -> None:
        """Note a member, or its new address."""
        with self._lock:
            members = self.all()
            members[name] = address
            draft = self._path.with_suffix(".new")
            draft.write_text(json.dumps(members, sort_keys=True))
            draft.rename(self._path)
            os.sync()  # whoever was told that it joined stays joined after a power cut

    def all(self) -> dict[str, str]:
        """Give every member's address by its name."""
        return json.loads(self._path.read_text()) if self._path.exists() else {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    rbufsize = 0  # a relayed body must not hide in a buffer
    server_version = "standin"
    app: Any

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: the console is for the stages."""

    def answer(self, status: int, body: str, kind: str = "text/plain") -> None:
        raw = body.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="rke2"')
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def _dispatch(self) -> None:
        self.app.handle(self)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _dispatch


class Web:
    """Port 443: `/ping` and the member list here, everything else to the relay if there is one."""

    def __init__(self, members: Members, relay: str) -> None:
        self._members = members
        self._relay = urlsplit(relay) if relay else None

    def handle(self, request: _Handler) -> None:
        """Answer one request."""
        path = request.path.partition("?")[0]
        if path == "/ping":
            request.answer(200, "pong")
        elif path == "/v1-standin/nodes":
            nodes = [
                {"name": name, "address": address}
                for name, address in sorted(self._members.all().items())
            ]
            request.answer(200, json.dumps({"nodes": nodes}), "application/json")
        elif self._relay is not None and not path.startswith(LAB_ONLY):
            _relay(request, self._relay.hostname or "", self._relay.port or 80)
        elif path == "/":
            request.answer(200, "<title>Harvester</title>", "text/html")
        else:
            request.answer(404, "404 page not found")


class Kubernetes:
    """Port 6443: Kubernetes' own paths to the relay, nothing of Rancher's or the dashboard's."""

    def __init__(self, relay: str) -> None:
        self._relay = urlsplit(relay) if relay else None

    def handle(self, request: _Handler) -> None:
        """Answer one request."""
        first = request.path.partition("?")[0].lstrip("/").partition("/")[0]
        if self._relay is not None and first in _KUBERNETES:
            _relay(request, self._relay.hostname or "", self._relay.port or 80)
        else:
            request.answer(404, "404 page not found")


class Supervisor:
    """Port 9345: the CA for anybody, configuration and joining for who knows the token."""

    def __init__(self, token: str, ca: str, members: Members) -> None:
        self._token = token
        self._ca = ca
        self._members = members

    def handle(self, request: _Handler) -> None:
        """Answer one request."""
        body = request.rfile.read(int(request.headers.get("Content-Length") or 0))
        if request.path == "/ping":
            request.answer(200, "pong")
        elif request.path == "/cacerts":
            request.answer(200, self._ca)
        elif not self._allowed(request.headers.get("Authorization", "")):
            request.answer(401, "not authorized")
        elif (request.command, request.path) == ("GET", "/v1-rke2/config"):
            request.answer(200, json.dumps({"ClusterDomain": "cluster.local"}), "application/json")
        elif (request.command, request.path) == ("POST", "/v1-rke2/nodes"):
            member = json.loads(body)
            self._members.add(member["name"], member["address"])
            request.answer(200, "{}", "application/json")
        else:
            request.answer(404, "404 page not found")

    def _allowed(self, header: str) -> bool:
        try:
            given = base64.b64decode(header.removeprefix("Basic "), validate=True)
        except binascii.Error:
            return False
        return hmac.compare_digest(given, f"node:{self._token}".encode())


def _relay(request: _Handler, host: str, port: int) -> None:
    """Carry one request to the lab's API stand-in byte by byte, so uploads and watches stream."""
    request.close_connection = True
    try:
        far = socket.create_connection((host, port), timeout=15)
    except OSError as error:
        request.answer(502, f"the lab's API does not answer: {error}")
        return
    far.settimeout(None)
    head = [f"{request.command} {request.path} HTTP/1.1"]
    upgrade = "upgrade" in request.headers.get("Connection", "").lower()
    for name, value in request.headers.items():
        if upgrade or name.lower() != "connection":
            head.append(f"{name}: {value}")
    if not upgrade:
        head.append("Connection: close")
    with far:
        far.sendall("\r\n".join(head).encode("latin-1") + b"\r\n\r\n")
        _pump(request.connection, far)


def _pump(near: socket.socket, far: socket.socket) -> None:
    """Copy both ways until the far side is done. One thread: an SSL socket bears only one."""
    while True:
        pending = isinstance(near, ssl.SSLSocket) and near.pending() > 0
        ready = [near] if pending else select.select([near, far], [], [])[0]
        if near in ready:
            if chunk := near.recv(_CHUNK):
                far.sendall(chunk)
            else:
                return
        if far in ready:
            if chunk := far.recv(_CHUNK):
                near.sendall(chunk)
            else:
                return


class _TlsServer(ThreadingHTTPServer):
    """Shakes hands in the connection's own thread, so one silent client blocks nobody."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, where: tuple[str, int], handler: type[_Handler], certificate: tuple[str, str]
    ) -> None:
        super().__init__(where, handler)
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._tls.load_cert_chain(*certificate)

    def finish_request(self, request: Any, client_address: Any) -> None:
        request.settimeout(30)
        try:
            with self._tls.wrap_socket(request, server_side=True) as secure:
                secure.settimeout(None)
                super().finish_request(secure, client_address)
        except OSError:
            return  # a client that went away, or that speaks no TLS

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let one broken connection pass in silence."""


def listen(
    where: tuple[str, int], app: Web | Kubernetes | Supervisor, certificate: tuple[str, str]
) -> ThreadingHTTPServer:
    """Open the TLS server of `app` on an address and port; `serve_forever` runs it."""
    return _TlsServer(where, type("Handler", (_Handler,), {"app": app}), certificate)


def serve(
    port: int, app: Web | Kubernetes | Supervisor, certificate: tuple[str, str]
) -> threading.Thread:
    """Start serving `app` over TLS on all addresses; give the serving thread."""
    server = listen(("0.0.0.0", port), app, certificate)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return thread
