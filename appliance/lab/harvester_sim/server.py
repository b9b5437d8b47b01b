"""The sockets: HTTP for the node's relay, HTTPS where there is no node, and the lab's own door."""

from __future__ import annotations

import datetime as dt
import ipaddress
import json
import os
import select
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from appliance.lab.harvester_sim.messages import Answer, Request

Handle = Callable[[Request], Answer]

_LARGEST_BODY = 16 << 20
_IDLE_S = 300


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "harvester-sim"
    timeout = _IDLE_S
    handle_request: ClassVar[Any]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: who wants to know reads what the objects say."""

    def address_string(self) -> str:
        """Name the client; a Unix socket's has no name."""
        return str(self.client_address)

    def _answer(self) -> None:
        try:
            request = self._request()
        except ValueError:
            self.send_error(400)
            return
        answer: Answer = type(self).handle_request(request)
        if answer.lines is None:
            self._send(answer)
        else:
            self._stream(answer)

    def _request(self) -> Request:
        split = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(split.query, keep_blank_values=True))
        return Request(self.command, split.path, query, headers, self._body(headers))

    def _body(self, headers: Mapping[str, str]) -> bytes:
        if "chunked" not in headers.get("transfer-encoding", "").lower():
            length = int(headers.get("content-length") or 0)
            if length > _LARGEST_BODY:
                raise ValueError("too much")
            return self.rfile.read(length)
        body = b""
        while size := int(self.rfile.readline(64).partition(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline(8)
            if len(body) > _LARGEST_BODY:
                raise ValueError("too much")
        self.rfile.readline(8)
        return body

    def _send(self, answer: Answer) -> None:
        raw = answer.raw()
        self.send_response(answer.status)
        if raw:
            self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(raw)

    def _stream(self, answer: Answer) -> None:
        """Send one chunk for each line, until there are no more or nobody listens."""
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for line in answer.lines or ():
            if not line:
                if self._is_left():
                    break
                continue
            raw = json.dumps(line).encode() + b"\n"
            self.wfile.write(b"%x\r\n%s\r\n" % (len(raw), raw))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def _is_left(self) -> bool:
        if isinstance(self.connection, ssl.SSLSocket):
            return False  # found out when the next line is written
        # A receive would wait as long as the socket's own limit, MSG_DONTWAIT or not.
        readable = select.select([self.connection], [], [], 0)[0]
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815


class _TcpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64
    tls: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Shake hands in the connection's own thread, so that one silent client holds nobody up."""
        if self.tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(30)
        with self.tls.wrap_socket(request, server_side=True) as secure:
            super().finish_request(secure, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let one broken connection pass in silence."""


class _UnixServer(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let one broken connection pass in silence."""


def listen(where: tuple[str, int], handle: Handle, tls: ssl.SSLContext | None) -> _TcpServer:
    """Open a TCP server; `serve` runs it. Port 0 takes a free one. Raises OSError."""
    server = _TcpServer(where, _handler(handle))
    server.tls = tls
    return server


def listen_here(path: Path, handle: Handle) -> _UnixServer:
    """Open a server on a Unix socket, which no network namespace hides. Raises OSError.

    Its path may be as long as it is: only 107 octets of one are taken (unix(7)), so that the
    socket is made by way of its folder's descriptor.
    """
    path.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        return _UnixServer(f"/proc/self/fd/{folder}/{path.name}", _handler(handle))
    finally:
        os.close(folder)


def serve(server: _TcpServer | _UnixServer) -> threading.Thread:
    """Run a server on a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
    thread.start()
    return thread


def _handler(handle: Handle) -> type[_Handler]:
    return type("Handler", (_Handler,), {"handle_request": staticmethod(handle)})


# --- TLS ------------------------------------------------------------------------------------


def certified(folder: Path, names: tuple[str, ...]) -> tuple[ssl.SSLContext, str]:
    """Give a TLS context with a self-signed certificate kept in `folder`, and that certificate."""
    certificate, key = folder / "tls.crt", folder / "tls.key"
    if not certificate.exists():
        _make_certificate(certificate, key, names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context, certificate.read_text(encoding="ascii")


def _make_certificate(certificate: Path, key: Path, names: tuple[str, ...]) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "harvester-standin"),
            x509.NameAttribute(NameOID.COMMON_NAME, "dynamic"),
        ]
    )
    began = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(began)
        .not_valid_after(began + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([_name(name) for name in names]), critical=False)
        .sign(private, hashes.SHA256())
    )
    key.touch(mode=0o600)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
