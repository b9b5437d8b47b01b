"""HTTPS for the supervisor and the API: a thread a connection, clients known by certificate."""

from __future__ import annotations

import http.server
import json
import socket
import socketserver
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from .certificates import Pair
from .log import Log

_LARGEST_BODY = 8 << 20
_QUIET_AFTER = 120.0  # seconds: a kept connection on which nothing is asked is closed
_HANDSHAKE = 15.0


@dataclass(frozen=True, slots=True)
class Caller:
    """Who a client certificate says it is; without one the name is empty."""

    name: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One request, parsed."""

    method: str
    path: str
    query: dict[str, str]
    headers: Message
    body: bytes
    caller: Caller
    address: str = ""

    def json(self) -> Any:
        """Read the body. Raises ValueError if it is no JSON."""
        return json.loads(self.body)

    def header(self, name: str) -> str:
        """Give a header, or nothing."""
        return str(self.headers.get(name, ""))


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered: a body, or a stream of JSON lines that lasts."""

    status: int = 200
    body: bytes = b""
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    stream: Iterator[bytes] | None = None


Handler = Callable[[Request], Response]


def as_json(document: object, status: int = 200) -> Response:
    """Answer with a document."""
    return Response(status, json.dumps(document, separators=(",", ":")).encode() + b"\n")


def as_text(text: str, status: int = 200) -> Response:
    """Answer with plain text."""
    return Response(status, text.encode(), "text/plain; charset=utf-8")


class Service:
    """One listening port. Raises OSError from its constructor if the address is not free."""

    def __init__(
        self, address: tuple[str, int], serving: Pair, client_ca: bytes, handler: Handler, say: Log
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(str(serving.certificate), str(serving.key))
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=client_ca.decode("ascii"))
        self._server = _Server(address, context, handler, say)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port; requests under way are left to end with the process."""
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], context: ssl.SSLContext, handler: Handler, say: Log
    ) -> None:
        self.context, self.handler, self.say = context, handler, say
        super().__init__(address, _Connection)

    def server_bind(self) -> None:
        # HTTPServer's own looks its name up in the DNS here.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "", int(self.server_address[1])

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake belongs to the connection's thread: a silent client must stop nobody else.
        request.settimeout(_HANDSHAKE)
        try:
            secured = self.context.wrap_socket(request, server_side=True)
        except OSError as error:
            text = f"http: TLS handshake error from {client_address[0]}:{client_address[1]}"
            self.say.info(f"{text}: {error}")
            return
        secured.settimeout(_QUIET_AFTER)
        try:
            super().finish_request(secured, client_address)
        finally:
            secured.close()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - socketserver's
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            self.say.error(f"request of {client_address[0]} failed: {error!r}")


class _Connection(http.server.BaseHTTPRequestHandler):
    server: _Server
    connection: ssl.SSLSocket
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet

    def setup(self) -> None:
        super().setup()
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _answer(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= _LARGEST_BODY:
            self._send(as_text("request body is not acceptable", 413))
            self.close_connection = True
            return
        body = self.rfile.read(length)
        parts = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=unquote(parts.path),
            query={k: v[-1] for k, v in parse_qs(parts.query, keep_blank_values=True).items()},
            headers=self.headers,
            body=body,
            caller=_caller(self.connection),
            address=str(self.client_address[0]),
        )
        self._send(self.server.handler(request))

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("Content-Type", response.kind)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if response.stream is None:
            self.send_header("Content-Length", str(len(response.body)))
            self.end_headers()
            self.wfile.write(response.body)
            self.wfile.flush()
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        for piece in response.stream:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing of single requests."""


def _caller(link: ssl.SSLSocket) -> Caller:
    certificate: Any = link.getpeercert() or {}
    subject: dict[str, list[str]] = {}
    for part in certificate.get("subject", ()):
        for name, value in part:
            subject.setdefault(str(name), []).append(str(value))
    name = (subject.get("commonName") or [""])[0]
    return Caller(name, tuple(subject.get("organizationName", ())))
